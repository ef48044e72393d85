"""Writes and reads 20,000 samples of about 20 kB: our shards against what others use.

    python -m benchmarks.shards --peers-python OTHER_ENVIRONMENT/bin/python

Every case runs in a process of its own, so that imports and allocators do not meet: wall time and CPU time of one
pass over all samples but the first 200, and the process's peak memory. Peers that are not installed are left out and
named. ``raw`` hands out the bytes of every member; ``decoded`` gives RGB at 224 x 224, peers by Pillow with ``draft``
and bicubic, as their users do. ``floor`` is our decoder and resizer alone, on bytes in memory.
"""

import argparse
import io
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

SIDE = 224
WARM_UP = 200
SAMPLES_PER_ROW = 16
ROWS_PER_SHARD = 256
DISTINCT = 400
"""Different pictures; a sample takes one of them."""

Case = Callable[[pathlib.Path, int], Iterator[Any]]


def pictures(work: pathlib.Path) -> list[bytes]:
    """Returns JPEG files of about 20 kB: smooth noise with detail, 448 x 336."""
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
        Image.blend(coarse, fine, 0.25).save(folder / f"{number:04d}.jpg", quality=86)


def meta(number: int) -> dict[str, Any]:
    """Returns the JSON of a sample, some 300 bytes."""
    return {"key": f"{number:032x}", "texts": [None, "a caption of a few words " * 4], "images": ["000.jpg", None]}


# Writers. Each takes the work folder and the number of samples, and yields after every sample.


def write_mm1(work: pathlib.Path, count: int) -> Iterator[Any]:
    from pipelines.mix.tar import SampleTar
    from pipelines.runs import storage

    images, per_shard = pictures(work), SAMPLES_PER_ROW * ROWS_PER_SHARD
    folder = fresh(work / "mm1-written")
    for start in range(0, count, per_shard):
        with storage.publish(f"{folder}/mix-{start // per_shard:05d}.tar") as sink, SampleTar(sink) as tar:
            for number in range(start, min(count, start + per_shard)):
                key = b"%032x" % number
                content = json.dumps(meta(number)).encode()
                yield tar.add([(key + b".000.jpg", images[number % DISTINCT]), (key + b".json", content)])


def write_webdataset(work: pathlib.Path, count: int) -> Iterator[Any]:
    import webdataset

    images, folder = pictures(work), fresh(work / "webdataset")
    pattern = f"{folder}/%05d.tar"
    with webdataset.ShardWriter(pattern, maxcount=SAMPLES_PER_ROW * ROWS_PER_SHARD, verbose=0) as writer:
        for number in range(count):
            writer.write({"__key__": f"{number:032x}", "jpg": images[number % DISTINCT], "json": meta(number)})
            yield None


def write_parquet(work: pathlib.Path, count: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    images, folder = pictures(work), fresh(work / "parquet")
    schema = pa.schema([("jpg", pa.binary()), ("json", pa.string())])
    per_shard = SAMPLES_PER_ROW * ROWS_PER_SHARD
    for start in range(0, count, per_shard):
        with pq.ParquetWriter(folder / f"{start:06d}.parquet", schema, compression="none") as writer:
            rows: list[dict[str, Any]] = []
            for number in range(start, min(count, start + per_shard)):
                rows.append({"jpg": images[number % DISTINCT], "json": json.dumps(meta(number))})
                if len(rows) == 512:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                    rows = []
                yield None
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def write_streaming(work: pathlib.Path, count: int) -> Iterator[Any]:
    from streaming import MDSWriter

    images, folder = pictures(work), fresh(work / "streaming")
    with MDSWriter(out=str(folder), columns={"jpg": "bytes", "json": "str"}, hashes=["sha256"]) as writer:
        for number in range(count):
            writer.write({"jpg": images[number % DISTINCT], "json": json.dumps(meta(number))})
            yield None


def write_litdata(work: pathlib.Path, count: int) -> Iterator[Any]:
    from litdata.streaming.writer import BinaryWriter

    images, folder = pictures(work), fresh(work / "litdata")
    writer = BinaryWriter(str(folder), chunk_bytes="64MB")
    for number in range(count):
        writer[number] = {"jpg": images[number % DISTINCT], "json": json.dumps(meta(number))}
        yield None
    writer.done()
    writer.merge()


def fresh(folder: pathlib.Path) -> pathlib.Path:
    """Returns an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# Readers. Each yields for every sample what its library hands out, with the JPEG bytes under "jpg".


def read_mm1(work: pathlib.Path, count: int) -> Iterator[Any]:
    from mm1_model.data.members import members
    from mm1_model.data.shard_set import ShardSet

    shards = ShardSet(str(work / "mm1"))
    for row in range(shards.num_rows):
        for sample in shards.read_row(row):
            if sample.data is None:
                raise RuntimeError("a sample of the benchmark is damaged")
            yield [content for _, content in members(sample.data)]


def read_webdataset(work: pathlib.Path, count: int) -> Iterator[Any]:
    import webdataset

    urls = [str(path) for path in sorted((work / "webdataset").glob("*.tar"))]
    for sample in webdataset.WebDataset(urls, shardshuffle=False, empty_check=False):
        yield [sample["jpg"], sample["json"]]


def read_energon(work: pathlib.Path, count: int) -> Iterator[Any]:
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


def read_datasets(work: pathlib.Path, count: int) -> Iterator[Any]:
    from datasets import load_dataset

    files = [str(path) for path in sorted((work / "parquet").glob("*.parquet"))]
    for sample in load_dataset("parquet", data_files=files, split="train", streaming=True):
        yield [sample["jpg"], sample["json"]]


def read_parquet(work: pathlib.Path, count: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    for path in sorted((work / "parquet").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=512):
            yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def read_streaming(work: pathlib.Path, count: int) -> Iterator[Any]:
    from streaming import StreamingDataset

    for sample in StreamingDataset(local=str(work / "streaming"), shuffle=False, batch_size=1):
        yield [sample["jpg"], sample["json"]]


def read_litdata(work: pathlib.Path, count: int) -> Iterator[Any]:
    from litdata import StreamingDataset

    for sample in StreamingDataset(str(work / "litdata")):
        yield [sample["jpg"], sample["json"]]


def read_floor(work: pathlib.Path, count: int) -> Iterator[Any]:
    images = pictures(work)
    for number in range(count):
        yield [images[number % DISTINCT], b""]


WRITERS: dict[str, Case] = {
    "mm1": write_mm1,
    "webdataset": write_webdataset,
    "parquet": write_parquet,
    "streaming": write_streaming,
    "litdata": write_litdata,
}
READERS: dict[str, Case] = {
    "floor": read_floor,
    "mm1": read_mm1,
    "webdataset": read_webdataset,
    "energon": read_energon,
    "streaming": read_streaming,
    "litdata": read_litdata,
    "datasets": read_datasets,
    "parquet": read_parquet,
}
OURS = ("mm1", "floor")


def decode_ours(data: bytes) -> Any:
    from mm1_model.data.pictures import decode

    return decode(data, SIDE)


def decode_theirs(data: bytes) -> Any:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (SIDE, SIDE))
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def prepare(work: pathlib.Path, count: int) -> None:
    """Makes the folders that are read but that no measured writer makes: ours with its manifest, and Energon's."""
    import numpy as np

    from pipelines.mix import plan
    from pipelines.mix.manifest import make_manifest
    from pipelines.mix.shards import write_shard
    from pipelines.mix.tokenizer import special_tokens, train_tokenizer
    from schemas.json_form import to_json
    from schemas.manifest import sealed
    from schemas.recipe import MixtureSettings

    images, folder = pictures(work), fresh(work / "mm1")

    def read(file: str, offset: int, length: int) -> bytes:
        if file == "image":
            return images[offset % DISTINCT]
        return json.dumps([["image", offset, 0, "jpg"]]).encode() + b"\n" + json.dumps(meta(offset)).encode()

    placed = np.zeros(count, dtype=plan.PLACED)
    numbers = np.arange(count)
    placed["row"], placed["place"] = numbers // SAMPLES_PER_ROW, numbers % SAMPLES_PER_ROW
    placed["sample_low"], placed["offset"] = numbers, numbers
    placed["splits"] = 1
    placed["pieces"], placed["n_text"], placed["n_images"], placed["kind"] = 1, 30, 1, 1
    records = []
    for number in range(-(-count // (SAMPLES_PER_ROW * ROWS_PER_SHARD))):
        first = number * ROWS_PER_SHARD
        chosen = placed[(placed["row"] >= first) & (placed["row"] < first + ROWS_PER_SHARD)]
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
    _prepare_energon(work)


def _prepare_energon(work: pathlib.Path) -> None:
    folder = fresh(work / "energon")
    for path in (work / "webdataset").glob("*.tar"):
        os.link(path, folder / path.name)
    program = (
        "import pathlib, sys; from megatron.energon.flavors.webdataset.prepare import WebdatasetPreparator as P;"
        "folder = pathlib.Path(sys.argv[1]);"
        "P.prepare_dataset(folder, sorted(p.name for p in folder.glob('*.tar')), split_parts_ratio=[('train', 1.0)],"
        " shuffle_seed=None, workers=1)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=False, capture_output=True)
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


def measure(name: str, mode: str, work: pathlib.Path, count: int) -> dict[str, Any]:
    """Runs one case in this process and returns its numbers."""
    if mode == "decoded":
        import torch

        torch.set_num_threads(1)
    case = WRITERS[name] if mode == "write" else READERS[name]
    decode = decode_ours if name in OURS else decode_theirs
    seen = n_bytes = 0
    wall = cpu = 0.0
    for parts in case(work, count):
        seen += 1
        if seen == WARM_UP:
            wall, cpu = time.perf_counter(), time.process_time()
        if mode == "decoded":
            decode(bytes(parts[0]))
        elif mode == "raw":
            n_bytes += sum(map(len, parts))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"samples": seen, "per_s": (seen - WARM_UP) / wall, "per_cpu_s": (seen - WARM_UP) / cpu, "peak_mb": peak_mb}


def run_case(python: str, name: str, mode: str, arguments: argparse.Namespace) -> dict[str, Any] | str:
    """Runs one case in a process of its own; returns its numbers, or why there are none."""
    command = [python, "-m", "benchmarks.shards", "--case", f"{name}:{mode}", "--work", str(arguments.work)]
    command += ["--samples", str(arguments.samples)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_ALLOCATOR})
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    numbers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return numbers


_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "16777216",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}
"""Without these, image buffers are mapped anew for each sample in some processes and not in others."""


def main() -> None:
    """Prints a table for each mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/mm1-benchmark-shards"))
    parser.add_argument("--peers-python", default=sys.executable, help="where streaming and litdata are installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default="write,raw,decoded")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        name, mode = arguments.case.split(":")
        print(json.dumps(measure(name, mode, arguments.work, arguments.samples)))
        return
    pictures(arguments.work)
    for mode in arguments.modes.split(","):
        print_table(mode, arguments)
        if mode == "write":
            prepare(arguments.work, arguments.samples)


def print_table(mode: str, arguments: argparse.Namespace) -> None:
    """Runs all cases of a mode, interleaved, and prints the best round of each against webdataset."""
    cases = [name for name in (WRITERS if mode == "write" else READERS) if not (mode == "raw" and name == "floor")]
    best: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for _ in range(arguments.rounds):
        for name in cases:
            python = arguments.peers_python if name in ("streaming", "litdata") else sys.executable
            numbers = run_case(python, name, mode, arguments)
            if isinstance(numbers, str):
                failed[name] = numbers
            elif name not in best or numbers["per_cpu_s"] > best[name]["per_cpu_s"]:
                best[name] = numbers
    print(f"\n### {mode}\n\n| case | samples/s | samples/CPU s | against webdataset (CPU) | peak memory |")
    print("| --- | --- | --- | --- | --- |")
    base = best.get("webdataset", {}).get("per_cpu_s")
    for name, numbers in sorted(best.items(), key=lambda item: -item[1]["per_cpu_s"]):
        ratio = f"{numbers['per_cpu_s'] / base:.2f}x" if base else ""
        speed = f"{numbers['per_s']:,.0f} | {numbers['per_cpu_s']:,.0f}"
        print(f"| {name} | {speed} | {ratio} | {numbers['peak_mb']:.0f} MB |")
    for name, why in failed.items():
        print(f"| {name} | not measured: {why[:100]} | | | |")


if __name__ == "__main__":
    main()
