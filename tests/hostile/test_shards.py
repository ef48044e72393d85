"""Damaged and hostile shards: the checker names file, sample and place; the reader stops; memory is bounded."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import tracemalloc

import pytest

from mm1_model.data.damage import DamagedSampleError, ShardError
from mm1_model.data.loader import TrainingRows
from mm1_model.data.shard_set import ShardSet
from pipelines.verify.findings import Finding
from pipelines.verify.verify import verify_shards
from schemas.samples import PoolText, SampleKind
from tests.corpus import CORPUS
from tests.hostile import shard_damage as damage
from tests.pipelines.mix.pools import (
    Pools,
    read_manifest,
    read_metas,
    run_mix,
    sentence,
    small_mixture,
    standard_pools,
)

MAX_PEAK = 64 << 20


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("shards") / "run"
    standard_pools(run, interleaved=60, caption=80, text=20).write()
    run_mix(run)
    return run / "shards"


@pytest.fixture
def folder(pristine: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(pristine, tmp_path / "shards")
    return tmp_path / "shards"


def read_all(folder: pathlib.Path) -> None:
    rows = TrainingRows(ShardSet(str(folder)), image_size=16)
    for row in range(rows.num_rows):
        rows.batch_of_rows([row])


def found(findings: list[Finding], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


def test_nothing_is_found_in_a_sound_folder(pristine: pathlib.Path) -> None:
    assert verify_shards(str(pristine)) == []


@pytest.mark.parametrize("case", damage.SAMPLES)
def test_damage_is_named_with_shard_key_and_offset(folder: pathlib.Path, case: str) -> None:
    place = damage.SAMPLES[case](folder)
    findings = verify_shards(str(folder))

    first = found(findings, place.check)[0]
    assert (first.file, first.key, first.offset) == (place.file, place.key, place.offset), findings
    if case in damage.READ_ALL_THE_SAME:
        read_all(folder)
        return
    with pytest.raises(DamagedSampleError) as caught:
        read_all(folder)
    assert (caught.value.shard, caught.value.key) == (place.file, place.key)


def test_a_shard_without_its_end_blocks_is_reported(folder: pathlib.Path) -> None:
    damage.cut_end(folder)

    assert [f.check for f in verify_shards(str(folder))] == ["size", "sha256", "tar"]


def test_two_shards_with_swapped_names_are_both_caught_by_their_digests(folder: pathlib.Path) -> None:
    damage.swap(folder)

    assert [f.file for f in found(verify_shards(str(folder)), "sha256")] == ["mix-00001.tar", "mix-00002.tar"]


def test_a_temporary_file_of_a_killed_writer_is_passed_over_and_goes_with_the_next_run(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=10, caption=10, text=5).write()
    (run / "shards").mkdir()
    stale = run / "shards" / ".tmp-0123-mix-00000.tar"
    stale.write_bytes(b"half a shard")
    run_mix(run)

    assert verify_shards(str(run)) == []
    assert not stale.exists()


@pytest.mark.parametrize("case", damage.MANIFESTS)
def test_a_changed_manifest_is_refused_within_bounds(folder: pathlib.Path, case: str) -> None:
    place = damage.MANIFESTS[case](folder)
    tracemalloc.start()
    findings = verify_shards(str(folder))
    with pytest.raises(ShardError):
        ShardSet(str(folder))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (place.check, place.file) in {(f.check, f.file) for f in findings}
    assert peak < MAX_PEAK


def test_a_manifest_of_another_run_is_refused_by_the_digests(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    standard_pools(other, interleaved=30, caption=80, text=20).write()
    run_mix(other)
    shutil.copy(other / "shards" / "manifest.json", folder / "manifest.json")
    findings = verify_shards(str(folder))

    damaged = found(findings, "crc32c") + found(findings, "cut")
    assert found(findings, "sha256")
    assert all(f.file.endswith(".tar") and f.key and f.offset is not None for f in damaged)
    with pytest.raises(ShardError):
        read_all(folder)


@pytest.mark.parametrize("case", sorted(damage.PLAIN))
def test_a_hostile_tar_is_refused_within_bounds(
    case: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stranger.tar"
    path.write_bytes(damage.PLAIN[case])
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    findings = verify_shards(str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert findings
    assert all(f.file == "stranger.tar" and f.offset is not None for f in findings)
    assert findings[0].key == damage.KEYS.get(case, damage.NAME)
    assert findings[0].offset == damage.OFFSETS.get(case, 0)
    assert peak < MAX_PEAK
    # Nothing was extracted, unpickled or run.
    assert [p.name for p in tmp_path.iterdir()] == ["stranger.tar"]


def test_a_json_member_of_a_gigabyte_is_capped(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stranger.tar"
    with path.open("wb") as file:
        file.write(damage.raw_header(damage.NAME.encode() + b".json", b"%011o" % (1 << 30)))
        file.truncate(512 + (1 << 30) + 1024)
    tracemalloc.start()
    (finding,) = verify_shards(str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "1073741824 bytes of text" in finding.detail
    assert peak < 200 << 20


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_other_plain_tar_formats_are_read(tmp_path: pathlib.Path, tar_format: int) -> None:
    path = tmp_path / "good.tar"
    members = [damage.member(f"{damage.NAME}.000.jpg"), damage.member(f"{damage.NAME}.json", damage.GOOD_JSON)]
    path.write_bytes(damage.plain_tar(*members, tar_format=tar_format))

    assert verify_shards(str(path)) == []


def test_a_v7_tar_is_read(tmp_path: pathlib.Path) -> None:
    header = bytearray(damage.raw_header(damage.NAME.encode() + b".json", b"%011o" % len(damage.GOOD_JSON), b"\0"))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "v7.tar"
    path.write_bytes(bytes(header) + damage.GOOD_JSON.ljust(512, b"\0") + bytes(1024))

    assert verify_shards(str(path)) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o000, 0o666)])
def test_the_mode_of_the_files_follows_the_umask_and_that_of_the_members_is_fixed(
    tmp_path: pathlib.Path, umask: int, mode: int
) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=5, caption=5, text=3).write()
    before = os.umask(umask)
    try:
        run_mix(run)
    finally:
        os.umask(before)
    with tarfile.open(run / "shards" / "mix-00000.tar") as tar:
        members = tar.getmembers()

    assert {path.stat().st_mode & 0o777 for path in (run / "shards").glob("mix-*")} == {mode}
    assert {member.mode for member in members} == {0o644}


def test_a_document_larger_than_a_shard_fills_shards_of_its_own(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    pools = Pools(run)
    words = sentence(random.Random(1), 3000)
    pools.samples.append(pools.sample(SampleKind.TEXT, 0, [PoolText(text=words)]))
    pools.write()
    run_mix(run, small_mixture(rows_per_shard=1))
    manifest, metas = read_manifest(run), read_metas(run)

    assert verify_shards(str(run)) == []
    assert len(manifest.shards) == len(metas) == sum(manifest.rows.values()) > 5
    pieces = sorted(metas.values(), key=lambda meta: meta["source"]["piece"])
    assert [meta["source"]["piece"] for meta in pieces] == list(range(len(pieces)))
    assert " ".join(text for meta in pieces for text in meta["texts"]).split() == words.split()


@pytest.mark.slow
def test_clock_locale_and_hash_seed_do_not_show(pristine: pathlib.Path, tmp_path: pathlib.Path) -> None:
    program = (
        "import pathlib, sys, time; now = time.time; time.time = lambda: now() + int(sys.argv[2]);"
        "from tests.pipelines.mix.pools import run_mix, standard_pools;"
        "run = pathlib.Path(sys.argv[1]); standard_pools(run, interleaved=60, caption=80, text=20).write();"
        "run_mix(run)"
    )
    run = tmp_path / "run"
    environment = {**os.environ, "PYTHONHASHSEED": "31", "TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "C"}
    # About the year 2100.
    command = [sys.executable, "-c", program, str(run), str(75 * 365 * 86_400)]
    subprocess.run(command, check=True, env=environment, capture_output=True)

    for path in sorted(pristine.rglob("*")):
        if path.is_file():
            assert (run / "shards" / path.relative_to(pristine)).read_bytes() == path.read_bytes(), path.name


HERE, MIX = "tests/hostile/test_shards.py", "tests/pipelines/mix"
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "shard.old.tmp": (f"{HERE}::test_a_temporary_file_of_a_killed_writer_is_passed_over_and_goes_with_the_next_run",),
    "shard.v7": (f"{HERE}::test_a_v7_tar_is_read", f"{HERE}::test_other_plain_tar_formats_are_read"),
    "shard.json.big": (f"{HERE}::test_a_json_member_of_a_gigabyte_is_capped",),
    "shard.manifest.old": (f"{HERE}::test_a_manifest_of_another_run_is_refused_by_the_digests",),
    "shard.one.huge": (f"{HERE}::test_a_document_larger_than_a_shard_fills_shards_of_its_own",),
    "shard.roundtrip": (
        f"{MIX}/test_foreign_readers.py::test_tarfile_reads_every_sample",
        f"{MIX}/test_foreign_readers.py::test_gnu_tar_lists_every_member",
        f"{MIX}/test_foreign_readers.py::test_webdataset_reads_the_same_samples",
        f"{MIX}/test_foreign_readers.py::test_energon_trains_on_the_folder_without_prepare",
    ),
    "shard.bytes.equal": (
        f"{MIX}/test_transform.py::test_the_same_pools_in_another_order_and_parts_give_the_same_bytes",
        f"{MIX}/test_transform.py::test_two_worker_processes_give_the_same_bytes",
        f"{MIX}/test_kill.py::test_killed_at_a_rename",
    ),
    "shard.clock": (f"{HERE}::test_clock_locale_and_hash_seed_do_not_show",),
    "shard.hashseed": (f"{HERE}::test_clock_locale_and_hash_seed_do_not_show",),
    "shard.umask": (f"{HERE}::test_the_mode_of_the_files_follows_the_umask_and_that_of_the_members_is_fixed",),
}
"""Cases that are no damage to be found in a file, and the tests that show them."""


@pytest.mark.parametrize("case", ELSEWHERE)
def test_the_tests_of_other_cases_are_there(case: str) -> None:
    for test in ELSEWHERE[case]:
        path, name = test.split("::")

        assert f"\ndef {name}(" in (pathlib.Path(__file__).parents[2] / path).read_text()


def test_every_case_of_the_collection_is_here() -> None:
    path = CORPUS.parent / "guides" / "hostile_cases.jsonl"
    if not path.is_file():
        pytest.skip(f"the collection of hostile cases is absent: {path}")
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    wanted = {case["id"] for case in cases if case["area"] == "shard"}
    tables = (damage.SAMPLES, damage.MANIFESTS, damage.PLAIN, ELSEWHERE)

    assert {name.split(" ")[0] for table in tables for name in table} == wanted
