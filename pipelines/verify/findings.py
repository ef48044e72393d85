"""What a check found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be, with its place."""

    check: str
    """Which promise is broken, for example ``"crc32c"``."""

    file: str
    """Name of the file, relative to the folder that was checked."""

    detail: str
    """What was seen and what was needed."""

    key: str | None = None
    """Key of the sample, where one is meant."""

    offset: int | None = None
    """Byte offset in the file, where there is one."""

    def __str__(self) -> str:
        place = self.file
        place += f", sample {self.key}" if self.key else ""
        place += f", offset {self.offset}" if self.offset is not None else ""
        return f"{place}: {self.check}: {self.detail}"
