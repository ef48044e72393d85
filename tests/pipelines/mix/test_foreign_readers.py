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

from pipelines.exchange.curator import export_curator
from tests.pipelines.mix.pools import read_manifest, read_metas

# The readers under test leave files and databases to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

pytest.importorskip("datasets")
pytest.importorskip("megatron.energon")


@pytest.fixture(scope="module")
def metas(mixed_run: pathlib.Path) -> dict[str, dict[str, Any]]:
    return read_metas(mixed_run)


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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the RDF library beneath it
def test_mlcroissant_validates_the_metadata_and_reads_the_index_by_it(
    mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]]
) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(mixed_run / "shards" / "croissant.json")
    issues = dataset.metadata.ctx.issues

    assert issues.errors == set()
    # What a run cannot know: its licence and citation. It has no date, since equal runs have equal bytes.
    assert sorted(warning.rsplit("/", 1)[-1].split('"')[0] for warning in issues.warnings) == [
        "citeAs",
        "datePublished",
        "license",
    ]
    records = list(dataset.records("samples"))
    assert [record["samples/key"].decode() for record in records] == list(metas)
    assert sum(record["samples/n_images"] for record in records) == sum(read_manifest(mixed_run).images.values())


def expected_rows(metas: dict[str, dict[str, Any]]) -> list[tuple[str, int, str, str | None, str | None]]:
    """What Curator should see: sample, place, modality, text and SHA-256 of the image."""
    found: list[tuple[str, int, str, str | None, str | None]] = []
    for key, meta in metas.items():
        ids = iter(meta["image_ids"])
        found.append((key, -1, "metadata", None, None))
        for place, text in enumerate(meta["texts"]):
            found.append((key, place, "image", None, next(ids)) if text is None else (key, place, "text", text, None))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tars", "parquet"])
def test_nemo_curator_reads_every_element_in_its_place_with_the_bytes_of_its_image(
    kind: str, mixed_run: pathlib.Path, metas: dict[str, dict[str, Any]], tmp_path: pathlib.Path
) -> None:
    pytest.importorskip("nemo_curator")
    tars = [str(path) for path in sorted((mixed_run / "shards").glob("*.tar"))]
    paths = tars if kind == "tars" else export_curator(str(mixed_run), str(tmp_path))
    program = pathlib.Path(__file__).with_name("curator_reader.py")
    done = subprocess.run(
        [sys.executable, str(program), kind, *paths], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]

    assert {row["error"] for row in rows} == {None}
    read = [(r["sample_id"], r["position"], r["modality"], r["text_content"], r["sha256"]) for r in rows]
    without_notes = [(*row[:3], None, None) if row[2] == "metadata" else row for row in read]
    assert without_notes == expected_rows(metas)
