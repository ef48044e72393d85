"""The job as a whole: what is in the shards, and that it is the same however it is made."""

import hashlib
import io
import json
import pathlib
import tarfile
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.engines.settings import EngineSettings
from pipelines.verify.verify import verify_shards
from schemas.arrow import from_table
from schemas.rows import IndexLine
from tests.pipelines.mix.pools import read_manifest, read_metas, run_mix, small_mixture, standard_pools


def shard_digests(run: pathlib.Path) -> dict[str, str]:
    folder = run / "shards"
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_independent_checker_finds_nothing(mixed_run: pathlib.Path) -> None:
    assert verify_shards(str(mixed_run)) == []


def test_every_pool_row_is_placed_or_left_over(mixed_run: pathlib.Path) -> None:
    counts = json.loads((mixed_run / "mix" / "summary.json").read_text())["counts"]

    assert counts["sample"]["n_in"] == 360
    assert counts["sample"]["n_out"] + sum(counts["sample"]["rejected"].values()) == 360
    placed = {meta["source"]["sample"] for meta in read_metas(mixed_run).values()}
    assert len(placed) == counts["sample"]["n_out"]


def is_whole(metas: list[dict[str, Any]]) -> bool:
    """Returns whether the mixture had a place for all pieces of a document, and for all parts of them."""
    sources = [meta["source"] for meta in metas]
    parts = {source["piece"]: source["parts"] for source in sources}
    places = [(source["piece"], source["part"]) for source in sources]
    pieces = sources[0]["pieces"] if sources else 0
    return bool(pieces) and places == [(piece, n) for piece in range(pieces) for n in range(parts.get(piece, 1))]


def test_pieces_of_a_document_have_all_its_images_and_words_in_order(
    mixed_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    pools = standard_pools(tmp_path / "again")
    pieces: dict[str, list[dict[str, Any]]] = {}
    for meta in read_metas(mixed_run).values():
        pieces.setdefault(meta["source"]["sample"], []).append(meta)

    n_cut = 0
    for sample in pools.samples:
        mine = sorted(pieces.get(sample.key, []), key=lambda m: (m["source"]["piece"], m["source"]["part"]))
        if sample.kind.value == "caption" or not is_whole(mine):
            continue
        n_cut += len(mine) > 1
        words = [w for meta in mine for text in meta["texts"] if text for w in text.split()]
        assert words == [w for s in sample.segments for w in getattr(s, "text", "").split()]
        assert sum(name is not None for meta in mine for name in meta["image_members"]) == len(sample.images())
    assert n_cut > 3


def test_the_same_pools_in_another_order_and_parts_give_the_same_bytes(
    mixed_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = tmp_path / "other"
    standard_pools(other).write(parts=5, shuffle=99)
    run_mix(other)

    assert shard_digests(other) == shard_digests(mixed_run)


@pytest.mark.slow
def test_two_worker_processes_give_the_same_bytes(mixed_run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    standard_pools(other).write()
    run_mix(other, engine=EngineSettings(name="local", workers=2))

    assert shard_digests(other) == shard_digests(mixed_run)


def test_bundles_that_run_twice_give_the_same_bytes(mixed_run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    standard_pools(other).write()
    run_mix(other, engine=EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=1",)))

    assert shard_digests(other) == shard_digests(mixed_run)


def test_another_seed_gives_another_order(mixed_run: pathlib.Path) -> None:
    lines = list(from_table(pq.read_table(mixed_run / "shards" / "mix-00000.index.parquet"), IndexLine))

    assert [line.row for line in lines] == sorted(line.row for line in lines)
    assert [line.key for line in lines] != sorted(line.key for line in lines)


def test_a_short_pool_is_repeated_under_keys_of_its_own(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, text=6).write()
    summary = run_mix(run, small_mixture(on_exhausted="repeat", max_repeats=3))
    manifest = read_manifest(run)

    assert verify_shards(str(run)) == []
    assert manifest.rows["text"] > manifest.pool_rows["text"]
    assert manifest.repeated["text"] > 0
    assert summary.counts["sample"].rejected.get("pool_left_over", 0) == sum(manifest.left_over.values())


def test_an_empty_pool_leaves_its_share_to_the_others(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, text=0).write()
    run_mix(run)
    manifest = read_manifest(run)

    assert verify_shards(str(run)) == []
    assert manifest.rows["text"] == 0
    assert abs(manifest.rows["caption"] - manifest.rows["interleaved"]) <= 1


def test_no_samples_at_all_give_a_manifest_without_shards(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=0, caption=0, text=0).write()
    run_mix(run)

    assert read_manifest(run).shards == ()
    assert verify_shards(str(run)) == []


def test_plain_tarfile_reads_what_we_write(mixed_run: pathlib.Path) -> None:
    data = (mixed_run / "shards" / "mix-00000.tar").read_bytes()
    rewritten = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data)) as source,
        tarfile.open(fileobj=rewritten, mode="w", format=tarfile.USTAR_FORMAT) as target,
    ):
        for member in source:
            target.addfile(member, source.extractfile(member))

    # The standard library pads to its record size; the members are byte for byte ours.
    assert rewritten.getvalue().startswith(data[:-1024])
