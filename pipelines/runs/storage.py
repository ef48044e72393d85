"""The one module of the data jobs that opens paths: local ones directly, all others through fsspec.

A file appears under its name whole or not at all: locally by temporary file, fsync, rename and fsync of the folder; on
an object store by one upload that is completed at the end.
"""

import contextlib
import glob
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

TEMPORARY_PREFIX = ".tmp-"
"""Files of this prefix are remains of a writer that died; readers and listings pass them over."""


class StorageError(OSError):
    """A path cannot be used; the message says which, why and what to do."""


def is_remote(path: str) -> bool:
    """Returns whether ``path`` has a protocol such as ``gs://``."""
    return "://" in path


def join(base: str, *parts: str) -> str:
    """Joins path parts with ``/``; empty parts are passed over."""
    return "/".join([base.rstrip("/") or "/", *(part.strip("/") for part in parts if part)])


def absolute(path: str, base: str) -> str:
    """Returns ``path`` made absolute against the local folder ``base``; remote paths stay."""
    return path if is_remote(path) else os.path.normpath(os.path.join(os.path.abspath(base), path))


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading bytes, seekable.

    Raises:
        FileNotFoundError: There is none.
        StorageError: The protocol needs a package that is not installed.
    """
    if not is_remote(path):
        return open(path, "rb")
    return cast(BinaryIO, _filesystem(path).open(path, "rb"))


def read_bytes(path: str) -> bytes:
    """Returns the whole content of a file."""
    with open_read(path) as file:
        return file.read()


def read_range(path: str, offset: int, length: int) -> bytes:
    """Returns ``length`` bytes from ``offset``.

    Raises:
        StorageError: The file is shorter.
    """
    if is_remote(path):
        data = cast(bytes, _filesystem(path).cat_file(path, start=offset, end=offset + length))
    else:
        with open(path, "rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
    if len(data) != length:
        raise StorageError(f"{path}: wanted {length} bytes at {offset}, the file gave {len(data)}")
    return data


def exists(path: str) -> bool:
    """Returns whether there is a file or folder."""
    return os.path.exists(path) if not is_remote(path) else bool(_filesystem(path).exists(path))


def is_folder(path: str) -> bool:
    """Returns whether ``path`` is a folder."""
    return os.path.isdir(path) if not is_remote(path) else bool(_filesystem(path).isdir(path))


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return os.path.getsize(path) if not is_remote(path) else int(_filesystem(path).size(path))


def list_files(pattern: str, *, temporary: bool = False) -> list[str]:
    """Returns the files that a path, pattern or folder (recursively) names, sorted.

    Args:
        pattern: A file, a folder, or a pattern with ``*``, ``?``, ``[...]`` and ``**``.
        temporary: Whether remains of writers that died are listed too.
    """
    if is_remote(pattern):
        filesystem = _filesystem(pattern)
        found = filesystem.glob(pattern) if glob.has_magic(pattern) else filesystem.find(pattern)
        paths = [filesystem.unstrip_protocol(path) for path in found]
    elif os.path.isdir(pattern):
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(pattern) for name in names]
    else:
        paths = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
    return sorted(path for path in paths if temporary or not path.rsplit("/", 1)[-1].startswith(TEMPORARY_PREFIX))


def remove(path: str) -> None:
    """Removes a file or a folder with all in it; nothing where there is none."""
    if is_remote(path):
        with contextlib.suppress(FileNotFoundError):
            _filesystem(path).rm(path, recursive=True)
    elif os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


class DigestingWriter:
    """A file being written: counts and digests the bytes on their way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.n_bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Writes bytes or a buffer and returns how many bytes it had."""
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._digest.update(view)
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


@contextlib.contextmanager
def publish(path: str) -> Iterator[DigestingWriter]:
    """Gives a writer whose bytes appear at ``path`` when the block ends without an exception, and never in part."""
    with _publish_remote(path) if is_remote(path) else _publish_local(path) as writer:
        yield writer


def write_bytes(path: str, data: bytes) -> str:
    """Publishes ``data`` at ``path`` and returns its sha256."""
    with publish(path) as writer:
        writer.write(data)
    return writer.sha256()


@contextlib.contextmanager
def _publish_local(path: str) -> Iterator[DigestingWriter]:
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    # Unique, since a retry may run while the attempt that it replaces is still alive.
    temporary = os.path.join(folder, f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-{name}")
    try:
        with open(temporary, "wb", buffering=1 << 20) as file:
            writer = DigestingWriter(file)
            yield writer
            file.flush()
            os.fsync(file.fileno())
        if os.path.getsize(temporary) != writer.n_bytes:
            raise StorageError(f"{path}: wrote {writer.n_bytes} bytes, the disk has {os.path.getsize(temporary)}")
        os.replace(temporary, path)
        _sync_folder(folder or ".")
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _publish_remote(path: str) -> Iterator[DigestingWriter]:
    file = _filesystem(path).open(path, "wb")
    try:
        writer = DigestingWriter(file)
        yield writer
    except BaseException:
        # An upload that is not completed leaves no object behind. Marked closed, since the file's finaliser would
        # otherwise close it, and so upload the half that was written.
        file.discard()
        file.closed = True
        raise
    file.close()


def _filesystem(path: str) -> Any:
    import fsspec

    protocol = path.split("://", 1)[0]
    try:
        return fsspec.filesystem(protocol)
    except (ImportError, ValueError) as error:
        extra = {"gs": "gcs", "s3": "s3"}.get(protocol)
        advice = f": pip install 'mm1[{extra}]'" if extra else ""
        raise StorageError(f"{path}: no driver for {protocol}:// is installed ({error}){advice}") from error
