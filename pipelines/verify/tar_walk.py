"""Reads the headers of a tar that nobody vouches for. Nothing is extracted, and no size in it is trusted.

Plain members of the ustar, GNU and v7 formats are read. Extended headers (pax, GNU long names) are refused: they are
what lets a few bytes claim any name or size, and shards need none of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 512
MAX_MEMBER = 1 << 30
"""Bytes of one member: more is no image and no JSON that anybody trains on."""

_TYPE_NAMES = {
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "character device",
    b"4": "block device",
    b"5": "folder",
    b"6": "FIFO",
    b"x": "pax header",
    b"g": "global pax header",
    b"L": "GNU long name",
    b"K": "GNU long link",
    b"S": "sparse file",
}


_EXTENDED = (b"x", b"g", b"L", b"K")


class TarFaultError(ValueError):
    """A tar breaks its format, or uses a part of it that shards do not."""

    def __init__(self, offset: int, why: str, key: str | None = None) -> None:
        super().__init__(why)
        self.offset, self.why, self.key = offset, why, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One regular file of a tar."""

    name: str
    header_offset: int
    offset: int
    """Of the content."""

    size: int

    @property
    def end(self) -> int:
        """Offset after the padding of the content."""
        return self.offset + self.size + (-self.size % BLOCK)


def walk(file: BinaryIO, n_bytes: int, *, start: int = 0, needs_end: bool = True) -> Iterator[Member]:
    """Yields the members of a tar in order, reading only their headers.

    Args:
        file: Seekable.
        n_bytes: Where the file, or the part of it that is looked at, ends.
        start: Offset of the first header.
        needs_end: Whether two blocks of zeros must end it.

    Raises:
        TarFaultError: With the offset at which it stops making sense. What came before is whole.
    """
    offset = start
    while True:
        if offset == n_bytes and not needs_end:
            return
        header = _read(file, offset, min(BLOCK, n_bytes - offset))
        if len(header) < BLOCK:
            raise TarFaultError(
                offset, f"the file ends after {len(header)} bytes, where a header or the end blocks must be"
            )
        if not any(header):
            _check_end(file, offset, n_bytes)
            return
        try:
            member = _member(header, offset)
        except TarFaultError as fault:
            fault.key = _key_at(file, header, offset, n_bytes)
            raise
        if member.offset + member.size > n_bytes:
            why = f"member {member.name} claims {member.size} bytes, the file has fewer left"
            raise TarFaultError(offset, why, stated_key(header))
        if member.end > n_bytes:
            raise TarFaultError(offset, f"the padding of member {member.name} is cut off", stated_key(header))
        yield member
        offset = member.end


def _check_end(file: BinaryIO, offset: int, n_bytes: int) -> None:
    rest = n_bytes - offset
    if rest < 2 * BLOCK:
        raise TarFaultError(offset, f"the end blocks are cut: {rest} of {2 * BLOCK} bytes")
    place = offset
    while place < n_bytes:
        block = _read(file, place, min(1 << 20, n_bytes - place))
        if any(block):
            raise TarFaultError(place, "zeros in the middle: there is more after the end of the archive")
        place += len(block)


def _member(header: bytes, offset: int) -> Member:
    stated, actual = _octal(header[148:156], offset, "checksum"), _checksum(header)
    if stated != actual:
        raise TarFaultError(offset, f"header checksum is {actual}, the header says {stated}")
    return _regular_member(header, offset)


def stated_key(header: bytes) -> str | None:
    """Returns the sample that a header says it belongs to, true or not; None where it says nothing that can be read."""
    if len(header) < BLOCK or not _is_sound(header):
        return None
    name = header[:100].split(b"\0", 1)[0].decode("ascii", "replace")
    folder, _, file = name.rpartition("/")
    key = file.split(".", 1)[0]
    # What comes before a long name is called "././@LongLink" or "././@PaxHeader": that names no sample.
    if not key or key.startswith("@"):
        return None
    return f"{folder}/{key}" if "/" in name else key


def _key_at(file: BinaryIO, header: bytes, offset: int, n_bytes: int) -> str | None:
    """Returns the sample that a refused header belongs to: an extended header is about the member that follows it."""
    if header[156:157] not in _EXTENDED or not _is_sound(header):
        return stated_key(header)
    try:
        size = _octal(header[124:136], offset, "size")
    except TarFaultError:
        return stated_key(header)
    following = offset + BLOCK + size + (-size % BLOCK)
    key = stated_key(_read(file, following, BLOCK)) if following + BLOCK <= n_bytes else None
    return key or stated_key(header)


def _regular_member(header: bytes, offset: int) -> Member:
    kind = header[156:157]
    if kind not in (b"0", b"\0"):
        raise TarFaultError(
            offset, f"a member is a {_TYPE_NAMES.get(kind, f'type {kind!r}')}; only regular files are allowed"
        )
    size = _octal(header[124:136], offset, "size")
    if size > MAX_MEMBER:
        raise TarFaultError(offset, f"a member claims {size} bytes; at most {MAX_MEMBER} are allowed")
    return Member(name=_name(header, offset), header_offset=offset, offset=offset + BLOCK, size=size)


def _name(header: bytes, offset: int) -> str:
    raw = header[:100].split(b"\0", 1)[0]
    if header[257:262] == b"ustar" and header[263:265] == b"00":
        prefix = header[345:500].split(b"\0", 1)[0]
        raw = prefix + b"/" + raw if prefix else raw
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise TarFaultError(offset, f"member name {raw[:60]!r} is not ASCII") from error
    if not name or name.startswith("/") or ".." in name.split("/") or "\\" in name:
        raise TarFaultError(offset, f"member name {name!r} leaves the folder")
    return name


def _checksum(header: bytes) -> int:
    return sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _is_sound(header: bytes) -> bool:
    digits = header[148:156].strip(b"\0 ")
    return digits.isdigit() and digits == b"%06o" % _checksum(header)


def _octal(field: bytes, offset: int, what: str) -> int:
    digits = field.strip(b"\0 ")
    if field[0] & 0x80 or not digits or digits.strip(b"01234567"):
        raise TarFaultError(offset, f"the {what} field is {field!r}, not octal digits")
    return int(digits, 8)


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
