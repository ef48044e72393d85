"""Files appear whole or not at all, on disk and on real S3 and GCS servers on loopback."""

import hashlib
import os
import pathlib
from collections.abc import Iterator

import fsspec.core
import pytest

from pipelines.runs import storage
from tests.object_stores import gcs_store, s3_store

# The drivers' clients warn of uploads of more than a megabyte at once.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An empty bucket of an S3 server."""
    with s3_store() as store:
        yield store.url


@pytest.fixture(scope="module")
def gs() -> Iterator[str]:
    """An empty bucket of a GCS server."""
    with gcs_store() as store:
        yield store.url


@pytest.fixture(params=["disk", "s3", "gs"])
def base(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """A folder to write under."""
    if request.param == "disk":
        return str(tmp_path)
    return storage.join(request.getfixturevalue(request.param), tmp_path.name)


def test_a_published_file_is_there_with_its_digest(base: str) -> None:
    path = storage.join(base, "a", "b.bin")

    with storage.publish(path) as writer:
        writer.write(b"abc")
        assert not storage.exists(path)
        writer.write(memoryview(b"def"))

    assert (writer.n_bytes, writer.sha256()) == (6, hashlib.sha256(b"abcdef").hexdigest())
    assert storage.read_bytes(path) == b"abcdef"
    assert storage.size(path) == 6
    assert storage.read_range(path, 2, 3) == b"cde"


def test_a_writer_that_fails_leaves_nothing(base: str) -> None:
    path = storage.join(base, "c.bin")

    def write_and_fail() -> None:
        with storage.publish(path) as writer:
            writer.write(b"x" * 6_000_000)
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_and_fail()

    assert not storage.exists(path)
    assert storage.list_files(base) == []


def test_a_file_is_replaced_whole(base: str) -> None:
    path = storage.join(base, "d.bin")
    storage.write_bytes(path, b"old and long")

    storage.write_bytes(path, b"new")

    assert storage.read_bytes(path) == b"new"


def test_files_are_listed_in_order_by_folder_and_pattern(base: str) -> None:
    for name in ("b/2.txt", "b/1.txt", "a/3.bin"):
        storage.write_bytes(storage.join(base, name), b"x")

    assert storage.list_files(base) == [storage.join(base, name) for name in ("a/3.bin", "b/1.txt", "b/2.txt")]
    assert storage.list_files(storage.join(base, "*/*.txt")) == [storage.join(base, f"b/{n}.txt") for n in (1, 2)]
    assert storage.list_files(storage.join(base, "a/3.bin")) == [storage.join(base, "a/3.bin")]
    assert storage.list_files(storage.join(base, "nothing*")) == []


def test_a_range_behind_the_end_is_an_error(base: str) -> None:
    path = storage.join(base, "e.bin")
    storage.write_bytes(path, b"abc")

    with pytest.raises(storage.ShortFileError, match=r"wanted 5 bytes at 1, the file gave 2"):
        storage.read_range(path, 1, 5)


def test_folders_and_files_are_removed(base: str) -> None:
    storage.write_bytes(storage.join(base, "f/1"), b"x")
    storage.write_bytes(storage.join(base, "g"), b"x")

    storage.remove(storage.join(base, "f"))
    storage.remove(storage.join(base, "g"))
    storage.remove(storage.join(base, "h"))

    assert storage.list_files(base) == []


def test_remains_of_a_dead_writer_are_not_listed(tmp_path: pathlib.Path) -> None:
    (tmp_path / f"{storage.TEMPORARY_PREFIX}1-part").write_bytes(b"half")

    assert storage.list_files(str(tmp_path)) == []
    assert len(storage.list_files(str(tmp_path), temporary=True)) == 1


def test_a_short_write_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "getsize", lambda path: 3)

    with pytest.raises(storage.StorageError, match="wrote 4 bytes, the disk has 3"):
        storage.write_bytes(str(tmp_path / "a"), b"abcd")

    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_failing_fsync_gives_the_file_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(storage.StorageError, match="Input/output error; check the disk"):
        storage.write_bytes(str(tmp_path / "a"), b"abcd")

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_protocol_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str, **settings: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)

    with pytest.raises(storage.StorageError, match=r"pip install 'mm1\[s3\]'"):
        storage.exists("s3://lab/x")


def test_paths_of_a_recipe_on_a_store_are_made_absolute_there() -> None:
    assert storage.absolute("crawl/*.warc.gz", "gs://lab/recipes") == "gs://lab/recipes/crawl/*.warc.gz"
    assert storage.absolute("../run", "gs://lab/recipes") == "gs://lab/run"
    assert storage.absolute("s3://other/x", "gs://lab/recipes") == "s3://other/x"


@pytest.mark.parametrize(
    ("path", "absolute"),
    [("a/b", "/base/a/b"), ("../a", "/a"), ("/x", "/x"), ("gs://lab/a", "gs://lab/a")],
)
def test_relative_paths_are_made_absolute_once(path: str, absolute: str) -> None:
    assert storage.absolute(path, "/base") == absolute
