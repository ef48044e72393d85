"""Paths with a protocol, through fsspec: the half of ``storage`` that talks to object stores and HDFS.

Each driver repeats a request that was refused (429, 5xx) or cut, with growing pauses. What is left after that becomes
a ``StorageError``; that a file does not exist stays a ``FileNotFoundError``.
"""

import contextlib
import functools
import io
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from pipelines.runs.storage_errors import StorageError, storage_error

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"})
"""Where an object appears when its upload is completed. Elsewhere a file is seen while it is written."""

READ_BUFFER = 1 << 16

SILENCE_S = 15.0
"""A store that has sent nothing for so long is asked again; after all repeats, which take 4 minutes, it is given up."""

REQUEST_S = 300.0
"""Of one request to GCS with its body, of some megabytes: a connection that takes no more bytes ends here."""

S3_REPEATS = 3
"""Of a request and its body, by s3fs; each is of so many attempts by botocore, which knows what may be repeated."""

S3_ATTEMPTS = 4

_EXTRAS = {"gs": "gcs", "gcs": "gcs", "s3": "s3", "s3a": "s3"}

# gcsfs, once imported, would ask each bucket's kind by gRPC, for a minute where that cannot be reached; the JSON API
# serves every kind.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

P = ParamSpec("P")
R = TypeVar("R")


def _telling(action: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a function of a path raise ``StorageError`` for whatever its driver raises."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def told(*args: P.args, **kwargs: P.kwargs) -> R:
            with telling(str(args[0]), action):
                return function(*args, **kwargs)

        return told

    return decorate


@contextlib.contextmanager
def telling(path: str, action: str) -> Iterator[None]:
    """Turns what a driver raises for ``path`` into ``StorageError``."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise storage_error(path, action, error) from error


class RemoteReader(io.RawIOBase):
    """A remote file for reading: what its driver raises is a ``StorageError``, never taken for the file's end."""

    def __init__(self, path: str) -> None:
        self._path = path
        with telling(path, "read"):
            self._file = filesystem(path).open(path, "rb")

    def readinto(self, buffer: Any) -> int:
        """Reads up to the buffer's length, and returns how many bytes."""
        with telling(self._path, "read"):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to an offset and returns it."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Returns the offset."""
        return int(self._file.tell())

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def close(self) -> None:
        """Closes the file."""
        if not self.closed:
            self._file.close()
        super().close()


def open_read(path: str) -> io.BufferedReader:
    """Opens a file for reading bytes, seekable."""
    return io.BufferedReader(RemoteReader(path), READ_BUFFER)


@_telling("read")
def read_bytes(path: str) -> bytes:
    """Returns the whole content of a file."""
    return bytes(filesystem(path).cat_file(path))


@_telling("read")
def read_range(path: str, offset: int, length: int) -> bytes:
    """Returns ``length`` bytes from ``offset``, fewer where the file ends."""
    return bytes(filesystem(path).cat_file(path, start=offset, end=offset + length)) if length else b""


@_telling("read")
def exists(path: str) -> bool:
    """Returns whether there is a file or folder."""
    return bool(filesystem(path).exists(path))


@_telling("read")
def is_folder(path: str) -> bool:
    """Returns whether ``path`` is a folder."""
    return bool(filesystem(path).isdir(path))


@_telling("read")
def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return int(filesystem(path).size(path))


@_telling("listed")
def find(path: str) -> list[str]:
    """Returns every file below a folder, or the file itself."""
    driver = filesystem(path)
    try:
        return _full(path, driver, driver.find(path))
    except FileNotFoundError:
        return []


@_telling("listed")
def match(pattern: str) -> list[str]:
    """Returns the files that a pattern names."""
    driver = filesystem(pattern)
    return _full(pattern, driver, [path for path, info in driver.glob(pattern, detail=True).items() if _is_file(info)])


@_telling("removed")
def remove(path: str) -> None:
    """Removes a file or a folder with all in it; nothing where there is none."""
    with contextlib.suppress(FileNotFoundError):
        filesystem(path).rm(path, recursive=True)


@contextlib.contextmanager
def written(path: str) -> Iterator[Any]:
    """Gives a file to write; it is at ``path`` when the block ends without an exception, and never in part."""
    driver = filesystem(path)
    is_store = _protocol(path) in OBJECT_STORES
    target = path if is_store else _temporary(path)
    with telling(path, "written"):
        if not is_store:
            driver.makedirs(target.rpartition("/")[0], exist_ok=True)
        file = driver.open(target, "wb")
    try:
        yield file
        with telling(path, "written"):
            file.close()
            if not is_store:
                _rename(driver, target, path)
    except BaseException:
        _give_up(driver, file, None if is_store else target)
        raise


def _rename(driver: Any, temporary: str, path: str) -> None:
    # HDFS refuses to rename onto a file. Only a run that is done again finds one, and it has the same bytes.
    if driver.exists(path):
        driver.rm(path)
    driver.mv(temporary, path)


def _give_up(driver: Any, file: Any, temporary: str | None) -> None:
    """Drops what was written. The store may be gone: the error that brought us here is the one to show."""
    with contextlib.suppress(Exception):
        if temporary is None:
            file.discard()
        else:
            file.close()
            driver.rm(temporary)
    # An upload that is not completed leaves no object. Marked closed, since the file's finaliser would otherwise close
    # it, and so upload the half that was written.
    with contextlib.suppress(AttributeError):
        file.closed = True


def _temporary(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.tmp-{uuid.uuid4().hex}-{name}"


def _is_file(info: dict[str, Any]) -> bool:
    return bool(info["type"] == "file")


def _full(asked: str, driver: Any, found: list[str]) -> list[str]:
    """Returns paths with the protocol and the authority of the path that was asked for; drivers strip them."""
    whole = asked.rstrip("/")
    root = whole[: len(whole) - len(driver._strip_protocol(whole))]
    return [f"{root}{path}" for path in found]


def _protocol(path: str) -> str:
    return path.split("://", 1)[0]


def filesystem(path: str) -> Any:
    """Returns the fsspec driver of a path.

    Raises:
        StorageError: The protocol needs a package that is not installed.
    """
    from fsspec.core import url_to_fs

    try:
        # Other processes write while this one looks: a listing that is kept would hide their files.
        driver, _ = url_to_fs(path, use_listings_cache=False, **_patience(_protocol(path)))
    except (ImportError, ValueError) as error:
        protocol = _protocol(path)
        extra = _EXTRAS.get(protocol)
        advice = f": pip install 'mm1[{extra}]'" if extra else ""
        raise StorageError(f"{path}: no driver for {protocol}:// is installed ({error}){advice}") from error
    if _protocol(path) in {"s3", "s3a"}:
        driver.retries = S3_REPEATS
    return driver


def _patience(protocol: str) -> dict[str, Any]:
    """Returns the settings by which a driver gives up a store that takes connections and says nothing.

    What the user has set for the driver wins.
    """
    from fsspec.config import conf

    given: Mapping[str, Any] = conf.get(protocol, {})
    if protocol in {"s3", "s3a"}:
        from pipelines.runs.s3_session import PatientSession

        retries = {"mode": "legacy", "total_max_attempts": S3_ATTEMPTS}
        ours = {"connect_timeout": SILENCE_S, "read_timeout": SILENCE_S, "retries": retries}
        return {"config_kwargs": ours | {"http_session_cls": PatientSession} | given.get("config_kwargs", {})}
    if protocol in {"gs", "gcs"} and "requests_timeout" not in given:
        import aiohttp

        times = {"sock_connect": SILENCE_S, "sock_read": SILENCE_S}
        return {"requests_timeout": aiohttp.ClientTimeout(total=REQUEST_S, **times)}
    return {}
