"""Records of an ARC file, the format before WARC, plain or compressed by member.

Each record is one line (URL, address, date, media type, length) and so many bytes after it; the first describes the
file (https://archive.org/web/researcher/ArcFileFormat.php). They come as if they were a WARC's.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.inputs.members import GZIP, READ_BYTES, DamagedMemberError, MemberStream, Window, find_member
from pipelines.inputs.warc_records import MAX_BLOCK_BYTES, DamagedSpan, WarcRecord
from schemas.rejections import RejectReason

PREFIXES = (b"filedesc:", b"http:", b"https:", b"dns:", b"ftp:")
"""What a record begins with: the scheme of its URL."""

MAX_LINE_BYTES = 1 << 14
_LINE = re.compile(rb"((?:filedesc|https?|dns|ftp):\S+) (\S+) (\d{14}) ([^\n]*?) ?(\d{1,18})\r?\n")
_PLAIN_START = re.compile(rb"\n(?=(?:filedesc|https?|dns|ftp):\S+ \S+ \d{14} [^\n]*\d\r?\n)")


class _BadRecordError(ValueError):
    pass


def is_arc(file: BinaryIO, size: int) -> bool:
    """Returns whether the file begins as an ARC does: with a record that describes it."""
    window = Window(file, size)
    if window.bytes_at(0, 3) != GZIP.magic:
        return window.bytes_at(0, 9) == b"filedesc:"
    try:
        return MemberStream(window, 0, GZIP).peek(9) == b"filedesc:"
    except DamagedMemberError:
        return False


def read_arc(file: BinaryIO, size: int, start: int = 0, end: int | None = None) -> Iterator[WarcRecord | DamagedSpan]:
    """Yields the records that begin at ``start`` to ``end`` of a file, and spans that hold none, as ``read_warc``."""
    window = Window(file, size)
    end = size if end is None else min(end, size)
    is_plain = window.bytes_at(0, 3) != GZIP.magic
    position = _next_start(window, start, is_plain=is_plain) if start else 0
    while position < end:
        try:
            following = position
            for record, after in _plain_record(window, position) if is_plain else _member_records(window, position):
                yield record
                following = after
            position = following
        except (DamagedMemberError, _BadRecordError) as error:
            following = _next_start(window, position + 1, is_plain=is_plain)
            is_cut = following == size and getattr(error, "is_cut", is_plain)
            reason = RejectReason.TRUNCATED if is_cut else RejectReason.DAMAGED
            yield DamagedSpan(offset=position, length=following - position, reason=reason, detail=str(error))
            position = following


def _next_start(window: Window, position: int, *, is_plain: bool) -> int:
    """Returns where the next record, or the next member with one, begins; the file's size where there is none."""
    if not is_plain:
        return find_member(window, position, GZIP, PREFIXES)
    position = max(0, position - 1)
    while position < window.size:
        match = _PLAIN_START.search(window.bytes_at(position, READ_BYTES))
        if match is not None:
            return position + match.end()
        # A line that the piece cuts is whole in the next one.
        position += READ_BYTES - MAX_LINE_BYTES
    return window.size


def _member_records(window: Window, position: int) -> Iterator[tuple[WarcRecord, int]]:
    """Yields the records of one member, each with the position after the member."""
    stream = MemberStream(window, position, GZIP)
    records: list[WarcRecord] = []
    while not stream.is_at_end():
        inner = stream.consumed
        headers, line_length, length = _parse_line(stream.peek(MAX_LINE_BYTES))
        stream.take(line_length)
        block = stream.take(min(length, MAX_BLOCK_BYTES))
        n_taken = len(block) + stream.skip(length - len(block))
        if n_taken < length:
            raise _BadRecordError(f"the length is {length}, the member holds {n_taken} bytes")
        while stream.peek(1) in (b"\n", b"\r"):
            stream.take(1)
        records.append(
            WarcRecord(offset=position + inner, length=0, headers=headers, block=block, n_block_bytes=length)
        )
        if len(records) > 1 or not stream.is_at_end():
            yield records.pop(0), stream.end
    for record in records:
        is_alone = record.offset == position
        yield (
            WarcRecord(
                offset=record.offset,
                length=stream.end - position if is_alone else 0,
                headers=record.headers,
                block=record.block,
                n_block_bytes=record.n_block_bytes,
            ),
            stream.end,
        )


def _plain_record(window: Window, position: int) -> Iterator[tuple[WarcRecord, int]]:
    headers, line_length, length = _parse_line(window.bytes_at(position, MAX_LINE_BYTES))
    start = position + line_length
    end = start + length
    if end > window.size:
        raise _BadRecordError(f"the length is {length}, the file holds {window.size - start} bytes more")
    tail = window.bytes_at(end, 16)
    following = end + len(tail) - len(tail.lstrip(b"\r\n"))
    if following == end < window.size:
        raise _BadRecordError(f"the record is followed by {tail!r}; is its length wrong?")
    block = window.bytes_at(start, min(length, MAX_BLOCK_BYTES))
    record = WarcRecord(
        offset=position, length=following - position, headers=headers, block=block, n_block_bytes=length
    )
    yield record, following


def _parse_line(head: bytes) -> tuple[dict[str, str], int, int]:
    """Returns a record's header as a WARC's named fields, the length of its line and that of its content."""
    match = _LINE.match(head)
    if match is None:
        raise _BadRecordError(f"not the line of an ARC record: {head[:40]!r}")
    url, date = match[1].decode("utf-8", "replace"), match[3].decode()
    headers = {
        "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-date": f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:]}Z",
        "content-type": "text/dns" if url.startswith("dns:") else "application/http",
    }
    return headers, match.end(), int(match[5])
