"""Damaged and hostile shards: the checker names file, sample and place; the reader stops; memory is bounded."""

import os
import pathlib
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
from tests.hostile import shard_damage as damage
from tests.pipelines.mix.pools import run_mix, standard_pools

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


@pytest.mark.parametrize(
    ("name", "place", "check"),
    [
        ("cut_boundary", 0, "cut"),
        ("cut_payload", 3, "cut"),
        ("flip_payload", 2, "crc32c"),
        ("flip_header", 2, "crc32c"),
        ("zero_block", 4, "crc32c"),
    ],
)
def test_damage_is_named_with_shard_key_and_offset(folder: pathlib.Path, name: str, place: int, check: str) -> None:
    sample = damage.samples(folder)[place]
    getattr(damage, name)(folder)
    first = found(verify_shards(str(folder)), check)[0]

    assert (first.file, first.key) == (damage.SHARD, sample.key)
    assert first.offset is not None
    assert sample.offset <= first.offset <= sample.offset + sample.length
    with pytest.raises(
        DamagedSampleError, match=rf"shard {damage.SHARD}, sample {sample.key} at offset {sample.offset}:"
    ):
        read_all(folder)


def test_a_shard_without_its_end_blocks_is_reported(folder: pathlib.Path) -> None:
    damage.cut_end(folder)
    findings = verify_shards(str(folder))

    assert [f.check for f in findings] == ["size", "sha256", "tar"]
    assert findings[2].detail == "the two end blocks are not there"


def test_two_shards_with_swapped_names_are_caught_by_their_digests(folder: pathlib.Path) -> None:
    damage.swap(folder)
    findings = found(verify_shards(str(folder)), "sha256")

    assert [f.file for f in findings] == ["mix-00001.tar", "mix-00002.tar"]
    with pytest.raises(DamagedSampleError):
        read_all(folder)


def test_a_stray_shard_is_passed_over_by_the_reader_and_named_by_the_checker(folder: pathlib.Path) -> None:
    damage.extra(folder)

    assert [str(f) for f in verify_shards(str(folder))] == [
        "mix-00099.tar: stranger: the manifest does not name it; readers pass it over"
    ]
    read_all(folder)


def test_a_temporary_file_of_a_killed_writer_is_passed_over_and_goes_with_the_next_run(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=10, caption=10, text=5).write()
    (run / "shards").mkdir()
    stale = run / "shards" / ".tmp-0123-mix-00000.tar"
    stale.write_bytes(b"half a shard")
    run_mix(run)

    assert verify_shards(str(run)) == []
    assert not stale.exists()


@pytest.mark.parametrize(
    ("name", "check"),
    [("manifest_cut", "manifest"), ("manifest_edit", "digest"), ("manifest_path", "names"), ("manifest_url", "names")],
)
def test_a_changed_manifest_is_refused(folder: pathlib.Path, name: str, check: str) -> None:
    getattr(damage, name)(folder)

    assert check in {f.check for f in verify_shards(str(folder))}
    with pytest.raises(ShardError):
        ShardSet(str(folder))


def test_a_manifest_of_another_run_is_refused_by_the_digests(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    standard_pools(other, interleaved=30, caption=80, text=20).write()
    run_mix(other)
    shutil.copy(other / "shards" / "manifest.json", folder / "manifest.json")

    assert {"sha256", "tokenizer"} & {f.check for f in verify_shards(str(folder))}
    with pytest.raises(ShardError):
        read_all(folder)


def test_a_manifest_of_a_gigabyte_is_refused_before_it_is_read(folder: pathlib.Path) -> None:
    os.truncate(folder / "manifest.json", 1 << 30)
    tracemalloc.start()
    findings = verify_shards(str(folder))
    with pytest.raises(ShardError, match="no manifest is that large"):
        ShardSet(str(folder))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [f.check for f in findings] == ["manifest"]
    assert peak < MAX_PEAK


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


def test_the_mode_of_the_files_follows_the_umask(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=5, caption=5, text=3).write()
    before = os.umask(0o077)
    try:
        run_mix(run)
    finally:
        os.umask(before)

    assert {p.stat().st_mode & 0o777 for p in (run / "shards").glob("mix-*")} == {0o600}


@pytest.mark.slow
def test_clock_locale_and_hash_seed_do_not_show(pristine: pathlib.Path, tmp_path: pathlib.Path) -> None:
    program = (
        "import pathlib, sys; from tests.pipelines.mix.pools import run_mix, standard_pools;"
        "run = pathlib.Path(sys.argv[1]); standard_pools(run, interleaved=60, caption=80, text=20).write();"
        "run_mix(run)"
    )
    run = tmp_path / "run"
    environment = {**os.environ, "PYTHONHASHSEED": "31", "TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", program, str(run)], check=True, env=environment, capture_output=True)

    for path in sorted(pristine.rglob("*")):
        if path.is_file():
            assert (run / "shards" / path.relative_to(pristine)).read_bytes() == path.read_bytes(), path.name
