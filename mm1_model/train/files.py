"""Durable files: what has its final name is whole, also after a power cut."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_json(path: Path, value: object) -> None:
    """Writes JSON to a temporary file, syncs it and renames it to ``path``."""
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        ValueError: it is not JSON; the message names the file.
        OSError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def sync_folder(folder: Path) -> None:
    """Makes the names in ``folder`` durable. A rename alone is not (POSIX leaves it open)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Makes the content of ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Returns the hexadecimal sha256 of a file, read in blocks of 1 MiB."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_under(folder: Path) -> Iterator[Path]:
    """Yields all files under ``folder`` in the order of their names."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path


@contextlib.contextmanager
def only_trainer(folder: Path) -> Iterator[None]:
    """Holds ``folder`` for one trainer. The lock ends with the process, however it ends.

    Raises:
        BlockingIOError: another trainer holds it; the message names its process.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise BlockingIOError(
                f"{folder} is being written by another trainer ({holder}); wait for it, or choose another `out`"
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {os.uname().nodename}\n")
        stream.flush()
        yield
