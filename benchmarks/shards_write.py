"""What writes shards: ours and those of others. Each gets the same bytes, and imports before the clock runs.

Energon has no writer: it indexes the tars of webdataset (``prepare``). For ``datasets`` its own Arrow writer is taken.
"""

import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence

from benchmarks.shards_data import PER_SHARD, Sample

Write = Callable[[pathlib.Path, Sequence[Sample]], None]
"""Writes samples into an empty folder."""


def _shards(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    return [samples[start : start + PER_SHARD] for start in range(0, len(samples), PER_SHARD)]


def mm1() -> Write:
    """Our tars, each with its SHA-256, a CRC-32C for every sample, fsync and rename."""
    from pipelines.mix.tar import SampleTar
    from pipelines.runs import storage

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        number = 0
        for shard, chosen in enumerate(_shards(samples)):
            with storage.publish(f"{folder}/mix-{shard:05d}.tar") as sink, SampleTar(sink) as tar:
                for image, meta in chosen:
                    key = b"%032x" % number
                    tar.add([(key + b".000.jpg", image), (key + b".json", meta)])
                    number += 1
            sink.sha256()

    return write


def webdataset() -> Write:
    """Tars of ``ShardWriter``."""
    import webdataset

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        with webdataset.ShardWriter(f"{folder}/%05d.tar", maxcount=PER_SHARD, verbose=0) as writer:
            for number, (image, meta) in enumerate(samples):
                writer.write({"__key__": f"{number:032x}", "jpg": image, "json": meta})

    return write


PREPARE = """
import pathlib, sys
from megatron.energon.flavors.webdataset.prepare import WebdatasetPreparator
folder = pathlib.Path(sys.argv[1])
names = sorted(path.name for path in folder.glob("*.tar"))
WebdatasetPreparator.prepare_dataset(
    folder, names, split_parts_ratio=[("train", 1.0)], shuffle_seed=None, workers=1
)
"""
"""Energon's own indexing; in a process of its own, as it starts others."""


def energon() -> Write:
    """Tars of ``ShardWriter``, and Energon's index beside them."""
    write_tars = webdataset()
    import megatron.energon  # noqa: F401  # so that the missing package is told at once

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        write_tars(folder, samples)
        subprocess.run([sys.executable, "-c", PREPARE, str(folder)], check=True, capture_output=True)

    return write


def streaming() -> Write:
    """MDS files of mosaicml-streaming with SHA-256."""
    from streaming import MDSWriter

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        with MDSWriter(out=str(folder), columns={"jpg": "bytes", "json": "str"}, hashes=["sha256"]) as writer:
            for image, meta in samples:
                writer.write({"jpg": image, "json": meta.decode()})

    return write


def litdata() -> Write:
    """Chunks of litdata's ``BinaryWriter``, which its ``optimize`` uses."""
    from litdata.streaming.writer import BinaryWriter

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        writer = BinaryWriter(str(folder), chunk_bytes="64MB")
        for number, (image, meta) in enumerate(samples):
            writer[number] = {"jpg": image, "json": meta.decode()}
        writer.done()
        writer.merge()

    return write


def datasets() -> Write:
    """Arrow files, as ``Dataset.from_generator`` makes them."""
    from datasets import Features, Value
    from datasets.arrow_writer import ArrowWriter

    features = Features({"jpg": Value("binary"), "json": Value("string")})

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        for shard, chosen in enumerate(_shards(samples)):
            path = str(folder / f"{shard:05d}.arrow")
            with ArrowWriter(path=path, features=features, writer_batch_size=512) as writer:
                for image, meta in chosen:
                    writer.write({"jpg": image, "json": meta.decode()})
                writer.finalize()

    return write


def parquet() -> Write:
    """Parquet without compression, 512 rows a group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("jpg", pa.binary()), ("json", pa.string())])

    def write(folder: pathlib.Path, samples: Sequence[Sample]) -> None:
        for shard, chosen in enumerate(_shards(samples)):
            with pq.ParquetWriter(folder / f"{shard:05d}.parquet", schema, compression="none") as writer:
                for start in range(0, len(chosen), 512):
                    images, metas = zip(*chosen[start : start + 512], strict=True)
                    writer.write_table(pa.table([pa.array(images), pa.array(metas).cast("string")], schema=schema))

    return write


WRITERS: dict[str, Callable[[], Write]] = {
    "mm1": mm1,
    "webdataset": webdataset,
    "energon": energon,
    "streaming": streaming,
    "litdata": litdata,
    "datasets": datasets,
    "parquet": parquet,
}
