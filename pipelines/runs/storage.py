"""The one module of the data jobs that opens paths: local ones directly, all others through fsspec.

A file appears under its name whole or not at all: locally by temporary file, fsync, rename and fsync of the folder; on
an object store by one upload that is completed at the end.
"""

import contextlib
import fcntl
import glob
import io
import os
import shutil
import uuid
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

from pipelines.runs import remote
from pipelines.runs.digest import Digest
from pipelines.runs.storage_errors import ShortFileError, StorageError, storage_error

__all__ = ["ShortFileError", "StorageError"]

TEMPORARY_PREFIX = ".tmp-"
"""Files of this prefix are remains of a writer that died; readers and listings pass them over."""

READ_BUFFER = 1 << 17


class InUseError(Exception):
    """Another process holds the lock."""


def is_remote(path: str) -> bool:
    """Returns whether ``path`` has a protocol such as ``gs://``."""
    return "://" in path


def join(base: str, *parts: str) -> str:
    """Joins path parts with ``/``; empty parts are passed over."""
    return "/".join([base.rstrip("/") or "/", *(part.strip("/") for part in parts if part)])


def absolute(path: str, base: str) -> str:
    """Returns ``path`` made absolute against the folder ``base``; remote and absolute paths stay."""
    if is_remote(path):
        return path
    if is_remote(base) and not os.path.isabs(path):
        protocol, _, folder = base.partition("://")
        return f"{protocol}://{os.path.normpath(os.path.join(folder, path))}"
    return os.path.normpath(os.path.join(os.path.abspath(base), path))


class _LocalReader(io.FileIO):
    """A local file for reading. A disk that fails is a ``StorageError``, never taken for damage of the file."""

    def readinto(self, buffer: Any) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise storage_error(str(self.name), "read", error) from error

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise storage_error(str(self.name), "read", error) from error


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading bytes, seekable.

    Raises:
        FileNotFoundError: There is none.
        StorageError: It cannot be reached; here and while it is read.
    """
    if is_remote(path):
        return remote.open_read(path)
    return io.BufferedReader(_LocalReader(path), READ_BUFFER)


def read_bytes(path: str) -> bytes:
    """Returns the whole content of a file."""
    if is_remote(path):
        return remote.read_bytes(path)
    with open_read(path) as file:
        return file.read()


def read_range(path: str, offset: int, length: int) -> bytes:
    """Returns ``length`` bytes from ``offset``.

    Raises:
        ShortFileError: The file is shorter.
    """
    data = remote.read_range(path, offset, length) if is_remote(path) else _read_local_range(path, offset, length)
    if len(data) != length:
        raise ShortFileError(f"{path}: wanted {length} bytes at {offset}, the file gave {len(data)}")
    return data


def _read_local_range(path: str, offset: int, length: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        try:
            return os.pread(file.fileno(), length, offset)
        except OSError as error:
            raise storage_error(path, "read", error) from error


def exists(path: str) -> bool:
    """Returns whether there is a file or folder."""
    return remote.exists(path) if is_remote(path) else os.path.exists(path)


def is_folder(path: str) -> bool:
    """Returns whether ``path`` is a folder."""
    return remote.is_folder(path) if is_remote(path) else os.path.isdir(path)


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return remote.size(path) if is_remote(path) else os.path.getsize(path)


def modified_s(path: str) -> float | None:
    """Returns when a local file was last written, in seconds since the epoch; None if it is gone, or remote."""
    if is_remote(path):
        return None
    with contextlib.suppress(FileNotFoundError):
        return os.path.getmtime(path)
    return None


def list_files(pattern: str, *, temporary: bool = False) -> list[str]:
    """Returns the files that a path, pattern or folder (recursively) names, sorted.

    Args:
        pattern: A file, a folder, or a pattern with ``*``, ``?``, ``[...]`` and ``**``.
        temporary: Whether remains of writers that died are listed too.
    """
    if is_remote(pattern):
        paths = remote.match(pattern) if glob.has_magic(pattern) else remote.find(pattern)
    elif os.path.isdir(pattern):
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(pattern) for name in names]
    else:
        paths = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
    return sorted(path for path in paths if temporary or not path.rsplit("/", 1)[-1].startswith(TEMPORARY_PREFIX))


def remove(path: str) -> None:
    """Removes a file or a folder with all in it; nothing where there is none."""
    if is_remote(path):
        remote.remove(path)
    elif os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


class DigestingWriter:
    """A file being written: counts and digests the bytes on their way."""

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self._digest = Digest()
        self.n_bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Writes bytes or a buffer and returns how many bytes it had.

        Raises:
            StorageError: The disk is full, or the store refuses them.
        """
        view = memoryview(data).cast("B")
        # Before it is written: so the thread of the digest has begun when this one goes on.
        self._digest.update(data if isinstance(data, bytes) else view)
        try:
            self._file.write(view)
        except Exception as error:
            raise storage_error(self._path, "written", error) from error
        self.n_bytes += len(view)
        return len(view)

    def tell(self) -> int:
        """Returns the number of bytes written so far."""
        return self.n_bytes

    def flush(self) -> None:
        """Does nothing: the file is made durable when it is published."""

    def close(self) -> None:
        """Does nothing: the owner of the context closes the file."""

    def readable(self) -> bool:
        """Returns False."""
        return False

    def seekable(self) -> bool:
        """Returns False."""
        return False

    def writable(self) -> bool:
        """Returns True."""
        return True

    def sha256(self) -> str:
        """Returns the digest of all bytes written so far."""
        return self._digest.hexdigest()

    def end(self) -> None:
        """Ends the thread of the digest; called by the owner of the context."""
        self._digest.end()


@contextlib.contextmanager
def publish(path: str) -> Iterator[DigestingWriter]:
    """Gives a writer whose bytes appear at ``path`` when the block ends without an exception, and never in part."""
    with _publish_remote(path) if is_remote(path) else _publish_local(path) as writer:
        try:
            yield writer
        finally:
            writer.end()


def write_bytes(path: str, data: bytes) -> str:
    """Publishes ``data`` at ``path`` and returns its sha256."""
    with publish(path) as writer:
        writer.write(data)
    return writer.sha256()


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds a lock file for this process. Object stores have no lock: equal bytes make a second writer harmless.

    Raises:
        InUseError: Another process holds it.
    """
    if is_remote(path):
        yield
        return
    with _telling_written(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        file = open(path, "a")  # noqa: SIM115 - closed below
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(path) from error
        yield


@contextlib.contextmanager
def _publish_local(path: str) -> Iterator[DigestingWriter]:
    folder, name = os.path.split(path)
    # Unique, since a retry may run while the attempt that it replaces is still alive.
    temporary = os.path.join(folder, f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-{name}")
    try:
        with _telling_written(path):
            os.makedirs(folder or ".", exist_ok=True)
            file = open(temporary, "wb", buffering=1 << 20)  # noqa: SIM115 - closed below
        with _closing(path, file):
            writer = DigestingWriter(path, file)
            yield writer
            with _telling_written(path):
                file.flush()
                os.fsync(file.fileno())
        if os.path.getsize(temporary) != writer.n_bytes:
            raise StorageError(f"{path}: wrote {writer.n_bytes} bytes, the disk has {os.path.getsize(temporary)}")
        with _telling_written(path):
            os.replace(temporary, path)
            _sync_folder(folder or ".")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def _closing(path: str, file: IO[bytes]) -> Iterator[None]:
    """Closes a file; where the block has failed, its error counts and not that of closing on a full disk."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        raise
    with _telling_written(path):
        file.close()


@contextlib.contextmanager
def _telling_written(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(path, "written", error) from error


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _publish_remote(path: str) -> Iterator[DigestingWriter]:
    with remote.written(path) as file:
        writer = DigestingWriter(path, file)
        yield writer
    if (n_bytes := remote.size(path)) != writer.n_bytes:
        remote.remove(path)
        raise StorageError(f"{path}: wrote {writer.n_bytes} bytes, the store has {n_bytes}; run the same command again")
