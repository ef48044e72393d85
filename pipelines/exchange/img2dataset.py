"""img2dataset's WebDataset layout: ``{key}.jpg``, ``{key}.txt``, ``{key}.json`` of image-caption pairs.

Its data are read where they lie, as ``input.pairs`` of a recipe; only writing needs a step.
"""

import io
import json
from typing import Any

from PIL import Image

from pipelines.exchange.stored import StoredSample, read_stored
from pipelines.mix.tar import SampleTar
from pipelines.runs import storage
from schemas.samples import SampleKind

PAIRS_PER_SHARD = 10_000
"""img2dataset's default."""


def export_img2dataset(path: str, destination: str, *, pairs_per_shard: int = PAIRS_PER_SHARD) -> list[str]:
    """Writes the caption samples of shards as pairs; returns the tars."""
    pairs = (stored for stored in read_stored(path) if stored.sample.kind is SampleKind.CAPTION)
    paths: list[str] = []
    pair = next(pairs, None)
    while pair is not None or not paths:
        paths.append(storage.join(destination, f"{len(paths):05d}.tar"))
        with storage.publish(paths[-1]) as file, SampleTar(file) as tar:
            for _ in range(pairs_per_shard):
                if pair is None:
                    break
                tar.add(_members(pair))
                pair = next(pairs, None)
    return paths


def _members(stored: StoredSample) -> list[tuple[bytes, bytes]]:
    sample, (content,) = stored.sample, stored.images
    key, extension = sample.key, sample.member_names()[0].rsplit(".", 1)[-1]
    caption = next(text for text in sample.texts if text is not None)
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    meta: dict[str, Any] = {
        "url": sample.image_urls[0],
        "caption": caption,
        "key": key,
        "status": "success",
        "error_message": None,
        "width": width,
        "height": height,
        "original_width": width,
        "original_height": height,
        "exif": "{}",
        "sha256": sample.image_ids[0],
    }
    return [
        (f"{key}.{extension}".encode(), content),
        (f"{key}.txt".encode(), caption.encode()),
        (f"{key}.json".encode(), json.dumps(meta, ensure_ascii=False).encode()),
    ]
