"""What reads shards: ours and those of others. Each yields for every sample what its library hands out, image first."""

import io
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.shards_data import PER_SHARD, fresh, make_samples, meta

SIDE = 224
SAMPLES_PER_ROW = 16

Read = Callable[[pathlib.Path, int], Iterator[Sequence[Any]]]
"""Takes the work folder and the number of samples."""


def mm1(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """Whole rows by their number, each sample checked against its CRC-32C."""
    from mm1_model.data.members import members
    from mm1_model.data.shard_set import ShardSet

    shards = ShardSet(str(work / "mm1"))
    for row in range(shards.num_rows):
        for sample in shards.read_row(row):
            if sample.data is None:
                raise RuntimeError("a sample of the benchmark is damaged")
            yield [content for _, content in members(sample.data)]


def webdataset(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """Its default pipeline without a shuffle."""
    import webdataset

    urls = [str(path) for path in sorted((work / "webdataset").glob("*.tar"))]
    for sample in webdataset.WebDataset(urls, shardshuffle=False, empty_check=False):
        yield [sample["jpg"], sample["json"]]


def energon(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """The loader without workers or shuffle, on the bytes as they are stored."""
    from megatron.energon import WorkerConfig, get_savable_loader, get_train_dataset

    config = WorkerConfig(rank=0, world_size=1, num_workers=0)
    dataset = get_train_dataset(
        str(work / "energon"),
        worker_config=config,
        batch_size=None,
        shuffle_buffer_size=None,
        max_samples_per_sequence=None,
        repeat=False,
    )
    for sample in get_savable_loader(dataset):
        yield sample.sequence


def datasets(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """``load_dataset`` on Parquet, as a stream."""
    from datasets import load_dataset

    files = [str(path) for path in sorted((work / "parquet").glob("*.parquet"))]
    for sample in load_dataset("parquet", data_files=files, split="train", streaming=True):
        yield [sample["jpg"], sample["json"]]


def parquet(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """Batches of 512 rows."""
    import pyarrow.parquet as pq

    for path in sorted((work / "parquet").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=512):
            yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def streaming(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """``StreamingDataset`` without a shuffle."""
    from streaming import StreamingDataset

    for sample in StreamingDataset(local=str(work / "streaming"), shuffle=False, batch_size=1):
        yield [sample["jpg"], sample["json"]]


def litdata(work: pathlib.Path, count: int) -> Iterator[Sequence[Any]]:
    """``StreamingDataset``."""
    from litdata import StreamingDataset

    for sample in StreamingDataset(str(work / "litdata")):
        yield [sample["jpg"], sample["json"]]


READERS: dict[str, Read] = {
    "mm1": mm1,
    "webdataset": webdataset,
    "energon": energon,
    "streaming": streaming,
    "litdata": litdata,
    "datasets": datasets,
    "parquet": parquet,
}

OURS = "mm1"
"""Decoded by our own decoder; the others by Pillow, as their users do."""


def decode_ours(data: bytes) -> Any:
    """Returns RGB at 224 x 224 as the loader decodes it."""
    from mm1_model.data.pictures import decode

    return decode(data, SIDE)


def decode_theirs(data: bytes) -> Any:
    """Returns RGB at 224 x 224: Pillow with ``draft`` and bicubic."""
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (SIDE, SIDE))
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def prepare(work: pathlib.Path, count: int) -> None:
    """Makes what is read but what no measured writer makes: our folder with index and manifest, Energon's settings."""
    import numpy as np

    from pipelines.mix import plan
    from pipelines.mix.manifest import make_manifest
    from pipelines.mix.shards import write_shard
    from pipelines.mix.tokenizer import special_tokens, train_tokenizer
    from schemas.json_form import to_json
    from schemas.manifest import sealed
    from schemas.recipe import MixtureSettings

    samples, folder = make_samples(work, count), fresh(work / "mm1")

    def read(file: str, offset: int, length: int) -> bytes:
        if file == "image":
            return samples[offset][0]
        return json.dumps([["image", offset, 0, "jpg"]]).encode() + b"\n" + meta(offset)

    placed = np.zeros(count, dtype=plan.PLACED)
    numbers = np.arange(count)
    placed["row"], placed["place"] = numbers // SAMPLES_PER_ROW, numbers % SAMPLES_PER_ROW
    placed["sample_low"], placed["offset"] = numbers, numbers
    placed["splits"] = 1
    placed["pieces"], placed["n_text"], placed["n_images"], placed["kind"] = 1, 30, 1, 1
    records, rows_per_shard = [], PER_SHARD // SAMPLES_PER_ROW
    for number in range(-(-count // (PER_SHARD))):
        first = number * rows_per_shard
        chosen = placed[(placed["row"] >= first) & (placed["row"] < first + rows_per_shard)]
        records.append(write_shard(str(folder), number, chosen, first_row=first, spool_count=1, read=read).record)
    tokenizer = train_tokenizer(["a caption of a few words"], vocabulary=300)
    data = tokenizer.to_str().encode()
    (folder / "tokenizer.json").write_bytes(data)
    manifest = make_manifest(
        records,
        MixtureSettings(),
        recipe_fingerprint="",
        tokenizer_sha256="",
        special=special_tokens(tokenizer),
        seed=1,
        totals={"pool_rows.caption": 1},
    )
    (folder / "manifest.json").write_text(to_json(sealed(manifest)))
    _set_up_energon(work / "energon")


def _set_up_energon(folder: pathlib.Path) -> None:
    # Bytes as they are: with Energon's own decoder the comparison would be one of decoders.
    settings = (
        "sample_type:\n  __module__: megatron.energon\n  __class__: InterleavedSample\n"
        "sample_loader: sample_loader.py:sample_loader\npart_filter: sample_loader.py:part_filter\ndecoder: null\n"
    )
    loader = (
        "def sample_loader(raw):\n"
        "    return {'__key__': raw['__key__'], 'sequence': [raw['jpg'], raw['json']]}\n\n\n"
        "def part_filter(part):\n    return True\n"
    )
    (folder / ".nv-meta" / "dataset.yaml").write_text(settings)
    (folder / ".nv-meta" / "sample_loader.py").write_text(loader)
