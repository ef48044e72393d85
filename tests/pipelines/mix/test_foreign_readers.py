"""Our folder opens in other people's tools as it is."""

import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import warnings
from typing import Any

import duckdb
import pandas as pd
import pytest
import webdataset

from tests.pipelines.mix.pools import read_manifest

# The readers under test leave files and databases to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

pytest.importorskip("datasets")
pytest.importorskip("megatron.energon")


@pytest.fixture(scope="module")
def metas(mixed_run: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The JSON members by key, read with nothing but the standard library."""
    found = {}
    for path in sorted((mixed_run / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    file = tar.extractfile(member)
                    assert file is not None
                    found[member.name.removesuffix(".json")] = json.load(file)
    return found


def test_tarfile_reads_every_sample(mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]]) -> None:
    assert len(metas) == sum(read_manifest(mixed_run).samples.values())


def test_gnu_tar_lists_every_member(mixed_run: pathlib.Path) -> None:
    path = mixed_run / "shards" / "mix-00000.tar"
    listed = subprocess.run(["tar", "-tf", str(path)], capture_output=True, text=True, check=True)
    with tarfile.open(path) as tar:
        names = tar.getnames()

    assert listed.stdout.split() == names
    assert listed.stderr == ""


def test_webdataset_reads_the_same_samples(mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]]) -> None:
    urls = [str(path) for path in sorted((mixed_run / "shards").glob("*.tar"))]
    read = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))

    assert [sample["__key__"] for sample in read] == list(metas)
    for sample in read:
        meta = metas[sample["__key__"]]
        assert sample["json"] == meta
        assert {sample[image].mode for image in meta["images"] if image} <= {"RGB"}


def test_datasets_loads_the_folder_with_the_card_beside_it(
    mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]], tmp_path: pathlib.Path
) -> None:
    from datasets import load_dataset

    loaded = load_dataset(str(mixed_run / "shards"), split="train", cache_dir=str(tmp_path))

    assert [row["__key__"] for row in loaded] == list(metas)
    for row in loaded:
        meta = metas[row["__key__"]]
        assert row["json"]["texts"] == meta["texts"]
        assert row["json"]["source"] == meta["source"]
        pictures = [name for name, value in row.items() if name[0].isdigit() and value is not None]
        assert sorted(pictures) == sorted(image for image in meta["images"] if image)


def test_datasets_loads_the_index(mixed_run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    from datasets import load_dataset

    pattern = str(mixed_run / "shards" / "*.index.parquet")
    loaded = load_dataset("parquet", data_files=pattern, split="train", cache_dir=str(tmp_path))

    assert list(loaded["row"]) == sorted(loaded["row"])


def test_duckdb_and_pandas_add_up_the_index(mixed_run: pathlib.Path) -> None:
    manifest, pattern = read_manifest(mixed_run), str(mixed_run / "shards" / "*.index.parquet")
    query = f"select kind, count(*), sum(n_text), sum(n_images) from '{pattern}' group by kind"
    by_kind = {kind: tuple(map(int, rest)) for kind, *rest in duckdb.connect().execute(query).fetchall()}

    assert by_kind == {
        kind: (manifest.samples[kind], manifest.text_tokens[kind], manifest.images[kind]) for kind in by_kind
    }
    frames = [pd.read_parquet(path) for path in (mixed_run / "shards").glob("*.index.parquet")]
    assert int(pd.concat(frames)["n_images"].sum()) == sum(manifest.images.values())


def prepare_with_energon(folder: pathlib.Path) -> None:
    """Runs Energon's own ``prepare`` in a process of its own: it starts workers."""
    program = (
        "from megatron.energon.flavors.webdataset.prepare import WebdatasetPreparator as P;"
        "import sys, pathlib;"
        "folder = pathlib.Path(sys.argv[1]);"
        "names = sorted(p.name for p in folder.glob('*.tar'));"
        "P.prepare_dataset(folder, names, split_parts_ratio=[('train', 1.0)], shuffle_seed=None, workers=1)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, capture_output=True)


def rows(path: pathlib.Path) -> list[list[tuple[Any, ...]]]:
    with sqlite3.connect(path) as database:
        schema = database.execute("select name from sqlite_master where type in ('table', 'index') order by name")
        return [
            schema.fetchall(),
            database.execute("select * from samples order by tar_file_id, sample_index").fetchall(),
            database.execute(
                "select * from sample_parts order by tar_file_id, sample_index, content_byte_offset"
            ).fetchall(),
        ]


def test_energon_files_equal_those_of_its_own_prepare(mixed_run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    ours, theirs = mixed_run / "shards", tmp_path / "theirs"
    theirs.mkdir()
    for path in ours.glob("*.tar"):
        shutil.copy(path, theirs)
    prepare_with_energon(theirs)

    for path in theirs.glob("*.tar.idx"):
        assert (ours / path.name).read_bytes() == path.read_bytes()
    assert rows(ours / ".nv-meta" / "index.sqlite") == rows(theirs / ".nv-meta" / "index.sqlite")
    ours_info, theirs_info = (json.loads((f / ".nv-meta" / ".info.json").read_text()) for f in (ours, theirs))
    assert ours_info == theirs_info


def test_energon_trains_on_the_folder_without_prepare(
    mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from megatron.energon import WorkerConfig, get_loader, get_train_dataset

        config = WorkerConfig(rank=0, world_size=1, num_workers=0)
        dataset = get_train_dataset(
            str(mixed_run / "shards"),
            worker_config=config,
            batch_size=1,
            shuffle_buffer_size=None,
            max_samples_per_sequence=None,
            repeat=False,
        )
        read = [sample for batch in get_loader(dataset) for sample in zip(batch.__key__, batch.sequence, strict=True)]

    assert sorted(key for key, _ in read) == sorted(metas)
    for key, sequence in read:
        assert [part if isinstance(part, str) else None for part in sequence] == metas[key]["texts"]
