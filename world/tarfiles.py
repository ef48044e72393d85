"""Tars whose bytes depend on their members alone."""

import io
import tarfile
from pathlib import Path


class FixedTar:
    """A USTAR writer with fixed times, owners and modes."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.TarFile(path, "w", format=tarfile.USTAR_FORMAT)

    def add(self, name: str, body: bytes) -> None:
        """Appends one member."""
        member = tarfile.TarInfo(name)
        member.size = len(body)
        member.mode = 0o644
        self._tar.addfile(member, io.BytesIO(body))

    def close(self) -> None:
        self._tar.close()
