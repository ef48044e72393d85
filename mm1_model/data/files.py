"""Ranged reads of local paths and of whatever fsspec opens."""

import os
import threading
from collections import OrderedDict
from typing import Any

MAX_OPEN = 128
"""Files kept open: opening one costs more than reading a row of it."""


class RangedFiles:
    """Reads ranges of the files of one folder; safe to use from many threads, and after a fork."""

    def __init__(self, folder: str) -> None:
        self.folder = folder.rstrip("/") or "/"
        self._remote = _remote_filesystem(folder)
        self._open: OrderedDict[str, _LocalFile] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, str]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    def path(self, name: str) -> str:
        """Returns the path of a file of the folder."""
        return f"{self.folder}/{name}"

    def size(self, name: str) -> int:
        """Returns the size of a file in bytes.

        Raises:
            FileNotFoundError: There is none.
        """
        if self._remote is not None:
            return int(self._remote.size(self.path(name)))
        return os.path.getsize(self.path(name))

    def read(self, name: str) -> bytes:
        """Returns the whole content of a file."""
        if self._remote is not None:
            return bytes(self._remote.cat_file(self.path(name)))
        with open(self.path(name), "rb") as file:
            return file.read()

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        """Returns the bytes from ``offset`` on, ``length`` of them or as many as the file has."""
        if self._remote is not None:
            return bytes(self._remote.cat_file(self.path(name), start=offset, end=offset + length))
        file = self._local(name)
        data = os.pread(file.descriptor, length, offset)
        # One call gives at most about 2 GiB, and may give less.
        while data and len(data) < length:
            more = os.pread(file.descriptor, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def _local(self, name: str) -> "_LocalFile":
        with self._lock:
            file = self._open.pop(name, None) or _LocalFile(self.path(name))
            self._open[name] = file
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
            return file


class _LocalFile:
    """An open file, closed when nobody holds it any more."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        descriptor = getattr(self, "descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


def _remote_filesystem(path: str) -> Any:
    if "://" not in path:
        return None
    import fsspec

    return fsspec.filesystem(path.split("://", 1)[0])
