"""The samples of the shard benchmarks: JPEG pictures of about 20 kB, or smaller and larger bytes to write."""

import json
import pathlib
import random
import shutil

PER_SHARD = 4096
"""Samples of a file, for every writer that can be told."""

DISTINCT = 400
"""Different pictures; a sample takes one of them."""

Sample = tuple[bytes, bytes]
"""The image file, and a JSON of some 200 bytes."""


def pictures(work: pathlib.Path) -> list[bytes]:
    """Returns JPEG files of about 20 kB: smooth noise with detail, 448 x 336 pixels."""
    folder = work / "pictures"
    if not folder.exists():
        _draw(folder)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def _draw(folder: pathlib.Path) -> None:
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    for number in range(DISTINCT):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((448, 336), 3)
        fine = Image.fromarray(rng.integers(0, 256, (84, 112, 3), dtype=np.uint8)).resize((448, 336), 3)
        Image.blend(coarse, fine, 0.13).save(folder / f"{number:04d}.jpg", quality=75)


def meta(number: int) -> bytes:
    """Returns the JSON of a sample."""
    texts = [None, "a caption of a few words " * 4]
    return json.dumps({"key": f"{number:032x}", "texts": texts, "images": ["000.jpg", None]}).encode()


def make_samples(work: pathlib.Path, count: int, kilobytes: int = 20) -> list[Sample]:
    """Returns samples: with pictures for 20 kB, with bytes that stand for such for any other size."""
    rng = random.Random(kilobytes)
    images = pictures(work) if kilobytes == 20 else [rng.randbytes(kilobytes * 1000) for _ in range(40)]
    return [(images[number % len(images)], meta(number)) for number in range(count)]


def fresh(folder: pathlib.Path) -> pathlib.Path:
    """Returns an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
