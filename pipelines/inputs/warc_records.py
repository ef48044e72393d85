"""Records of a WARC file (ISO 28500:2017), plain or compressed by member, each with its place in the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.inputs.members import (
    GZIP,
    ZSTD_MAGIC,
    Codec,
    DamagedMemberError,
    MemberStream,
    Window,
    find_member,
    is_member_start,
    zstd_codec,
)
from schemas.rejections import RejectReason

PREFIXES = (b"WARC/1.", b"WARC/0.1")
"""What a record begins with: versions 0.17 to 1.1 of the format."""

MAX_HEADER_BYTES = 1 << 16
MAX_BLOCK_BYTES = 1 << 26
"""Bytes of a record's block that are held; what is longer is passed over and refused, in bounded memory."""

_ZSTD_DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"
_ONCE = frozenset(("warc-type", "warc-record-id", "content-length"))
_HEADER_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcRecord:
    """One record: its named fields in lower case, and its block."""

    offset: int
    """Position of its member in the file; inside a member of several records, plus the inflated bytes before it."""

    length: int
    """Bytes as stored; 0 where a member holds several records."""

    headers: dict[str, str]
    block: bytes
    n_block_bytes: int
    """As stated by Content-Length; larger than ``block`` where that was too long to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedSpan:
    """Bytes ``offset`` to ``offset + length`` of a file that hold no readable record."""

    offset: int
    length: int
    reason: RejectReason
    detail: str


class _BadRecordError(ValueError):
    pass


def detect_codec(window: Window) -> Codec | None:
    """Returns the codec of a WARC's members, None for a plain file.

    A first frame that holds a dictionary for the others is understood
    (https://iipc.github.io/warc-specifications/specifications/warc-zstd/).
    """
    head = window.bytes_at(0, 8)
    if head.startswith(GZIP.magic[:2]):
        return GZIP
    if head.startswith(_ZSTD_DICTIONARY_MAGIC) and len(head) == 8:
        return zstd_codec(_read_dictionary(window, int.from_bytes(head[4:], "little")))
    if head.startswith(ZSTD_MAGIC):
        return zstd_codec()
    return None


def is_warc(file: BinaryIO, size: int) -> bool:
    """Returns whether the file begins with a WARC record, or with members that hold one."""
    window = Window(file, size)
    codec = detect_codec(window)
    if codec is None:
        return window.bytes_at(0, 8).lstrip().startswith(PREFIXES)
    return find_member(window, 0, codec, PREFIXES) < size


def read_warc(file: BinaryIO, size: int, start: int = 0, end: int | None = None) -> Iterator[WarcRecord | DamagedSpan]:
    """Yields the records that begin at ``start`` to ``end`` of a file, and the spans that hold none.

    Consecutive ranges give every record and every damaged span exactly once: a record belongs to the range in which it
    begins, damage to the range of the record before it.

    Args:
        file: Opened for reading, seekable.
        size: Bytes of the file that count; what was appended later is not read.
        start: First byte of the range.
        end: First byte after the range; ``size`` if None.
    """
    window = Window(file, size)
    end = size if end is None else min(end, size)
    codec = detect_codec(window)
    if codec is None:
        yield from _read_plain(window, start, end)
    else:
        yield from _read_members(window, codec, start, end)


def _read_members(window: Window, codec: Codec, start: int, end: int) -> Iterator[WarcRecord | DamagedSpan]:
    position = find_member(window, start, codec, PREFIXES) if start else _first_member(window, codec)
    while position < window.size and (position < end or not _is_clean(window, codec, position)):
        if window.bytes_at(position, len(codec.magic)) != codec.magic:
            following = find_member(window, position, codec, PREFIXES)
            yield _span(position, following, RejectReason.DAMAGED, "no record begins here")
            position = following
            continue
        stream = MemberStream(window, position, codec)
        try:
            yield from _member_records(stream)
            position = stream.end
        except (DamagedMemberError, _BadRecordError) as error:
            is_cut = isinstance(error, DamagedMemberError) and error.is_cut
            damage = _damage(window, codec, position, str(error), is_cut=is_cut)
            yield damage
            position += damage.length


def _is_clean(window: Window, codec: Codec, position: int) -> bool:
    return is_member_start(window, position, codec, PREFIXES)


def _first_member(window: Window, codec: Codec) -> int:
    head = window.bytes_at(0, 8)
    return 8 + int.from_bytes(head[4:], "little") if head.startswith(_ZSTD_DICTIONARY_MAGIC) else 0


def _damage(window: Window, codec: Codec, position: int, detail: str, *, is_cut: bool) -> DamagedSpan:
    """Returns the span from an unreadable member to the next readable one."""
    following = find_member(window, position + 1, codec, PREFIXES)
    reason = RejectReason.TRUNCATED if is_cut and following == window.size else RejectReason.DAMAGED
    return _span(position, following, reason, detail)


def _span(start: int, end: int, reason: RejectReason, detail: str) -> DamagedSpan:
    return DamagedSpan(offset=start, length=end - start, reason=reason, detail=detail)


def _member_records(stream: MemberStream) -> Iterator[WarcRecord]:
    """Yields the records of one member; a member that inflates to nothing has none."""
    held: WarcRecord | None = None
    while not stream.is_at_end():
        if held is not None:
            yield held
        inner = stream.consumed
        headers, n_bytes = _take_header(stream)
        block = stream.take(min(n_bytes, MAX_BLOCK_BYTES))
        n_taken = len(block) + stream.skip(n_bytes - len(block)) if n_bytes > len(block) else len(block)
        if n_taken < n_bytes:
            raise _BadRecordError(f"Content-Length is {n_bytes}, the member holds {n_taken} bytes")
        _take_record_end(stream)
        held = WarcRecord(offset=stream.offset + inner, length=0, headers=headers, block=block, n_block_bytes=n_bytes)
    if held is not None:
        is_alone = held.offset == stream.offset
        yield WarcRecord(
            offset=held.offset,
            length=stream.end - stream.offset if is_alone else 0,
            headers=held.headers,
            block=held.block,
            n_block_bytes=held.n_block_bytes,
        )


def _take_header(stream: MemberStream) -> tuple[dict[str, str], int]:
    head = stream.peek(4096)
    match = _HEADER_END.search(head)
    if match is None:
        head = stream.peek(MAX_HEADER_BYTES)
        match = _HEADER_END.search(head)
    if match is None:
        raise _BadRecordError(f"no end of the record's header in {len(head)} bytes")
    headers, n_bytes = parse_header(head[: match.start()])
    stream.take(match.end())
    return headers, n_bytes


def _take_record_end(stream: MemberStream) -> None:
    tail = stream.peek(4)
    for mark in (b"\r\n\r\n", b"\n\n", b"\r\n", b"\n"):
        if tail.startswith(mark):
            stream.take(len(mark))
            tail = stream.peek(8)
            break
    if tail and not stream.peek(8).startswith(PREFIXES):
        raise _BadRecordError(f"the record is followed by {bytes(stream.peek(16))!r}; is its Content-Length wrong?")


def parse_header(head: bytes) -> tuple[dict[str, str], int]:
    """Returns the named fields of a record's header and its Content-Length.

    Raises:
        ValueError: The version is not known, or there is no usable Content-Length.
    """
    lines = head.decode("utf-8", "replace").splitlines()
    if not lines or not head.startswith(PREFIXES):
        raise _BadRecordError(f"not a WARC record of a known version: {head[:24]!r}")
    headers: dict[str, str] = {}
    name = ""
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and name:
            headers[name] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise _BadRecordError(f"a header line without a colon: {line[:40]!r}")
        name = name.strip().lower()
        if name in _ONCE and name in headers:
            raise _BadRecordError(f"{name} is stated twice; was the record before it cut?")
        headers.setdefault(name, value.strip())
    stated = headers.get("content-length", "")
    if not stated.isdecimal() or len(stated) > 18:
        raise _BadRecordError(f"Content-Length is {stated[:40]!r}")
    return headers, int(stated)


def _read_plain(window: Window, start: int, end: int) -> Iterator[WarcRecord | DamagedSpan]:
    position = _find_plain(window, start) if start else 0
    while position < window.size and (position < end or not _is_plain_start(window, position)):
        try:
            record, following = _plain_record(window, position)
        except _BadRecordError as error:
            following = _find_plain(window, position + 1)
            yield _span(position, following, _plain_reason(window, position, following), str(error))
        else:
            yield record
        position = following


def _plain_reason(window: Window, position: int, following: int) -> RejectReason:
    starts_well = window.bytes_at(position, 8).startswith(PREFIXES)
    return RejectReason.TRUNCATED if following == window.size and starts_well else RejectReason.DAMAGED


def _is_plain_start(window: Window, position: int) -> bool:
    """Returns whether a record begins at ``position`` and ends where its Content-Length says."""
    try:
        _plain_extent(window, position)
    except _BadRecordError:
        return False
    return True


def _find_plain(window: Window, position: int) -> int:
    while True:
        found = window.find(b"WARC/", position)
        if found < 0:
            return window.size
        if _is_plain_start(window, found):
            return found
        position = found + 1


def _plain_extent(window: Window, position: int) -> tuple[dict[str, str], int, int, int]:
    """Returns a plain record's header, the bounds of its block, and where the next record begins."""
    head = window.bytes_at(position, 4096)
    match = _HEADER_END.search(head)
    if match is None:
        head = window.bytes_at(position, MAX_HEADER_BYTES)
        match = _HEADER_END.search(head)
    if match is None:
        raise _BadRecordError(f"no end of the record's header in {len(head)} bytes")
    headers, n_bytes = parse_header(head[: match.start()])
    block_start = position + match.end()
    block_end = block_start + n_bytes
    if block_end > window.size:
        raise _BadRecordError(f"Content-Length is {n_bytes}, the file holds {window.size - block_start} bytes more")
    tail = window.bytes_at(block_end, 16)
    stripped = tail.lstrip(b"\r\n")
    if stripped and not stripped.startswith(PREFIXES) and not tail.startswith((b"\r\n\r\n", b"\n\n")):
        raise _BadRecordError(f"the record is followed by {tail!r}; is its Content-Length wrong?")
    return headers, block_start, block_end, block_end + len(tail) - len(stripped)


def _plain_record(window: Window, position: int) -> tuple[WarcRecord, int]:
    headers, start, end, following = _plain_extent(window, position)
    block = window.bytes_at(start, min(end - start, MAX_BLOCK_BYTES))
    record = WarcRecord(
        offset=position, length=following - position, headers=headers, block=block, n_block_bytes=end - start
    )
    return record, following


def _read_dictionary(window: Window, length: int) -> bytes:
    import zstandard

    data = window.bytes_at(8, min(length, MAX_BLOCK_BYTES))
    if data.startswith(ZSTD_MAGIC):
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BLOCK_BYTES)
    return data
