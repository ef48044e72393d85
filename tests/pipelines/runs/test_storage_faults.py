"""Object stores that refuse, hang up and forbid: the right bytes after retries, or one error and nothing half there."""

import asyncio
import os
import pathlib
import socket
import types
from collections.abc import Callable, Iterator

import fsspec
import pytest

from pipelines.runs import remote, storage
from tests.faulty_proxy import FORBIDDEN_JSON, FORBIDDEN_XML, Fault
from tests.object_stores import ObjectStore, gcs_store, s3_store

# The drivers' clients warn of uploads of more than a megabyte at once.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

WRITES = ("PUT", "POST")
ENOUGH = 100
"""More failures than any driver has retries."""


@pytest.fixture(scope="module", params=["s3", "gs"])
def any_store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with s3_store() if request.param == "s3" else gcs_store() as found:
        yield found


@pytest.fixture
def store(any_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store whose drivers take no pauses between retries."""
    pause = asyncio.sleep

    async def no_pause(seconds: float, *rest: object) -> None:
        await pause(0)

    for module in ("gcsfs.retry", "s3fs.core", "aiobotocore.endpoint"):
        loaded = pytest.importorskip(module)
        stand_in = types.SimpleNamespace(**{**vars(asyncio), "sleep": no_pause})
        monkeypatch.setattr(loaded, "asyncio", stand_in)
    storage.remove(any_store.url + "/x")
    return any_store


def path(store: ObjectStore, name: str = "x") -> str:
    return storage.join(store.url, "x", name)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("n_bytes", [1_000, 6_000_000])
def test_a_refused_upload_is_repeated(store: ObjectStore, status: int, n_bytes: int) -> None:
    data = os.urandom(n_bytes)

    with store.proxy.failing(Fault(kind="status", methods=WRITES, part="x", status=status, times=2)):
        storage.write_bytes(path(store), data)

    assert storage.read_bytes(path(store)) == data


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_download_is_repeated(store: ObjectStore, status: int) -> None:
    storage.write_bytes(path(store), b"0123456789")

    with store.proxy.failing(Fault(kind="status", methods=("GET",), part="x", status=status, times=2)):
        assert storage.read_range(path(store), 3, 4) == b"3456"


def test_an_upload_cut_in_the_middle_is_repeated(store: ObjectStore) -> None:
    data = os.urandom(6_000_000)

    with store.proxy.failing(Fault(kind="cut_request", methods=WRITES, part="x", least_bytes=500_000)):
        storage.write_bytes(path(store), data)

    assert storage.read_bytes(path(store)) == data


def test_a_ranged_read_cut_in_the_middle_is_repeated(store: ObjectStore) -> None:
    data = os.urandom(400_000)
    storage.write_bytes(path(store), data)

    with store.proxy.failing(Fault(kind="cut_response", methods=("GET",), part="x", times=2)):
        assert storage.read_range(path(store), 100_000, 200_000) == data[100_000:300_000]


def test_a_file_read_through_a_cut_connection_is_whole(store: ObjectStore) -> None:
    data = os.urandom(400_000)
    storage.write_bytes(path(store), data)

    with storage.open_read(path(store)) as file:
        file.seek(7)
        with store.proxy.failing(Fault(kind="cut_response", methods=("GET",), part="x")):
            assert file.read() == data[7:]


@pytest.mark.parametrize("kind", ["status", "cut_request"])
def test_an_upload_that_never_succeeds_leaves_nothing(store: ObjectStore, kind: str) -> None:
    fault = Fault(kind=kind, methods=WRITES, part="x", times=ENOUGH)  # type: ignore[arg-type]

    with store.proxy.failing(fault), pytest.raises(storage.StorageError, match=r"x/x cannot be written: .+; \w+"):
        storage.write_bytes(path(store), b"x" * 6_000_000)

    assert storage.list_files(path(store, ""), temporary=True) == []


def test_the_former_bytes_stay_when_an_upload_fails(store: ObjectStore) -> None:
    storage.write_bytes(path(store), b"old")

    with (
        store.proxy.failing(Fault(kind="status", methods=WRITES, part="x", times=ENOUGH)),
        pytest.raises(storage.StorageError),
    ):
        storage.write_bytes(path(store), b"new and longer")

    assert storage.read_bytes(path(store)) == b"old"


def test_a_read_that_never_succeeds_is_no_damage_of_the_file(store: ObjectStore) -> None:
    """Readers of archives take an ``OSError`` for damage and go on: this must not be one."""
    storage.write_bytes(path(store), b"0123456789")

    with storage.open_read(path(store)) as file:
        fault = Fault(kind="cut_response", methods=("GET",), part="x", times=ENOUGH)
        with store.proxy.failing(fault), pytest.raises(storage.StorageError, match="cannot be read") as caught:
            file.read()

    assert not isinstance(caught.value, OSError)


def test_an_answer_that_is_lost_costs_no_byte(store: ObjectStore) -> None:
    data = os.urandom(2_000)
    fault = Fault(kind="lost_response", methods=WRITES, part="x")

    with store.proxy.failing(fault):
        try:
            storage.write_bytes(path(store), data)
        except storage.StorageError:
            storage.write_bytes(path(store), data)

    assert storage.read_bytes(path(store)) == data


@pytest.mark.parametrize(
    ("methods", "action", "right"), [(WRITES, "written", "write there"), (("GET", "HEAD"), "read", "read there")]
)
def test_a_forbidden_bucket_names_the_right_to_give(
    store: ObjectStore, methods: tuple[str, ...], action: str, right: str
) -> None:
    storage.write_bytes(path(store), b"0123456789")
    body = FORBIDDEN_XML if store.url.startswith("s3") else FORBIDDEN_JSON
    fault = Fault(kind="status", methods=methods, part="x", status=403, body=body, times=ENOUGH)

    use = storage.read_bytes if action == "read" else lambda asked: storage.write_bytes(asked, b"x")
    with store.proxy.failing(fault), pytest.raises(storage.StorageError) as caught:
        use(path(store))

    assert str(caught.value).startswith(f"{path(store)} cannot be {action}: ")
    assert f"the right to {right}, or correct its credentials" in str(caught.value)
    assert "\n" not in str(caught.value)
    # What is forbidden stays forbidden: asking again only takes time.
    assert fault.hits <= 5


@pytest.mark.parametrize("use", ["read", "written", "listed"])
def test_a_store_that_never_answers_is_given_up(store: ObjectStore, use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SILENCE_S", 0.05)
    uses: dict[str, Callable[[str], object]] = {
        "read": storage.read_bytes,
        "written": lambda asked: storage.write_bytes(asked, b"x"),
        "listed": storage.list_files,
    }

    # The system takes connections for a socket that listens; nobody reads what comes.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL" if store.url.startswith("s3") else "STORAGE_EMULATOR_HOST", address)
        driver = fsspec.get_filesystem_class(store.url.split(":", 1)[0])
        driver.clear_instance_cache()
        with pytest.raises(storage.StorageError) as caught:
            uses[use](path(store))
    driver.clear_instance_cache()

    assert str(caught.value).startswith(f"{path(store)} cannot be {use}: ")
    assert str(caught.value).endswith("check that the store can be reached from here, and run the same command again")
    assert "\n" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_named(store: ObjectStore) -> None:
    with pytest.raises((storage.StorageError, FileNotFoundError), match=r"absent|exist|[Nn]ot found"):
        storage.write_bytes(store.url.replace("lab", "absent") + "/x", b"x")


def test_files_of_other_processes_are_seen_at_once(store: ObjectStore) -> None:
    """Drivers keep listings; one that is kept hides what a worker has just committed."""
    assert storage.list_files(path(store, "")) == []
    assert not storage.exists(path(store))

    other = fsspec.filesystem(store.url.split(":", 1)[0], use_listings_cache=True, skip_instance_cache=True)
    other.pipe_file(path(store), b"from elsewhere")

    assert storage.list_files(path(store, "")) == [path(store)]
    assert storage.read_bytes(path(store)) == b"from elsewhere"


@pytest.fixture
def hdfs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A local folder behind the driver that fsspec has for HDFS: files are seen while they are written."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import LocalFileSystem

    def driver(url: str, **settings: object) -> tuple[ArrowFSWrapper, str]:
        made = ArrowFSWrapper(LocalFileSystem(), skip_instance_cache=True)
        monkeypatch.setattr(made, "_strip_protocol", lambda asked: asked.removeprefix("hdfs://node:8020"))
        return made, url

    monkeypatch.setattr(fsspec.core, "url_to_fs", driver)
    return f"hdfs://node:8020{tmp_path}/run"


def test_a_file_of_hdfs_appears_whole(hdfs: str, tmp_path: pathlib.Path) -> None:
    with storage.publish(f"{hdfs}/a/b.bin") as writer:
        writer.write(b"abc")
        assert storage.list_files(hdfs) == []
        assert len(storage.list_files(hdfs, temporary=True)) == 1

    storage.write_bytes(f"{hdfs}/a/b.bin", b"abcdef")
    assert storage.list_files(hdfs, temporary=True) == [f"{hdfs}/a/b.bin"]
    assert (tmp_path / "run" / "a" / "b.bin").read_bytes() == b"abcdef"
    assert storage.read_range(f"{hdfs}/a/b.bin", 2, 3) == b"cde"


def test_a_writer_of_hdfs_that_fails_leaves_nothing(hdfs: str) -> None:
    def write_and_fail() -> None:
        with storage.publish(f"{hdfs}/a/b.bin") as writer:
            writer.write(b"abc")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_and_fail()

    assert storage.list_files(hdfs, temporary=True) == []
