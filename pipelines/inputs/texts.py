"""Texts for the text pool: WET archives, JSONL, Parquet, and plain text files."""

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from resiliparse.parse.encoding import detect_encoding

from pipelines.inputs.planning import WorkItem
from pipelines.inputs.tables import TableError, open_compressed, read_json_lines, read_parquet_rows
from pipelines.inputs.warc_records import DamagedSpan, WarcRecord, is_warc, read_warc
from schemas.rejections import Rejection, RejectReason

JOB = "interleave"
KIND = "text"

MAX_TEXT_BYTES = 20_000_000
"""Of one record or row; longer ones are refused."""

PIECE_CHARACTERS = 8_000
"""Plain text files are cut into texts of about this length, at empty lines: about what a training row holds."""

MAX_PARAGRAPH = 100_000
"""A plain text without an empty line in so many characters is cut at a line break."""

_DETECT_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RawText:
    """One text and where it came from."""

    text: str
    url: str | None
    archive: str
    offset: int
    """Byte offset of the record as stored, row number, or number of the first character in a plain text file."""


def read_texts(item: WorkItem, file: BinaryIO) -> Iterator[RawText | Rejection]:
    """Yields a text or a rejection for each record, row or piece of a file.

    Args:
        item: The file, and the range of it where it is an archive.
        file: The same, opened for reading, seekable.
    """
    path, size = item.paths[0], item.sizes[0]
    name = path.lower()
    if name.endswith(".parquet"):
        yield from _read_rows(_parquet_rows(file), path)
    elif ".jsonl" in name or ".ndjson" in name:
        yield from _read_rows(read_json_lines(file), path)
    elif is_warc(file, size):
        for record in read_warc(file, size, item.start, item.end):
            yield _text_of_record(record, path)
    else:
        file.seek(0)
        yield from _read_plain(file, path)


def _parquet_rows(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    yield from enumerate(read_parquet_rows(file, ("text",), ("url",)))


def _read_rows(rows: Iterator[tuple[int, dict[str, Any] | str]], path: str) -> Iterator[RawText | Rejection]:
    number = -1
    try:
        for number, row in rows:
            yield _text_of_row(row, path, number)
    except TableError as error:
        yield _reject(path, number + 1, RejectReason.DAMAGED, str(error))


def _text_of_row(row: dict[str, Any] | str, path: str, number: int) -> RawText | Rejection:
    if isinstance(row, str):
        return _reject(path, number, RejectReason.BAD_ROW, row)
    text, url = row.get("text"), row.get("url")
    if not isinstance(text, str):
        return _reject(path, number, RejectReason.BAD_ROW, f"text must be a string, it is a {type(text).__name__}")
    return _checked(text, url if isinstance(url, str) else None, path, number)


def _text_of_record(record: WarcRecord | DamagedSpan, path: str) -> RawText | Rejection:
    if isinstance(record, DamagedSpan):
        return _reject(path, record.offset, record.reason, f"{record.length} bytes: {record.detail}")
    kind = record.headers.get("warc-type", "").lower()
    content_type = record.headers.get("content-type", "")
    if kind != "conversion" or not content_type.lower().startswith("text/plain"):
        detail = f"a {kind[:40] or 'nameless'} record of {content_type[:40] or 'no type'}"
        return _reject(path, record.offset, RejectReason.NOT_A_RESPONSE, detail)
    if record.n_block_bytes > MAX_TEXT_BYTES:
        return _reject(path, record.offset, RejectReason.PAGE_TOO_LARGE, f"{record.n_block_bytes} bytes")
    url = record.headers.get("warc-target-uri")
    return _checked(record.block.decode("utf-8", "replace"), url, path, record.offset)


def _checked(text: str, url: str | None, path: str, offset: int) -> RawText | Rejection:
    if not text.strip():
        return _reject(path, offset, RejectReason.EMPTY_BODY, "no text in it")
    if len(text) > MAX_TEXT_BYTES:
        return _reject(path, offset, RejectReason.PAGE_TOO_LARGE, f"{len(text)} characters, at most {MAX_TEXT_BYTES}")
    return RawText(text=text, url=url, archive=path, offset=offset)


def _read_plain(file: BinaryIO, path: str) -> Iterator[RawText | Rejection]:
    try:
        encoding = _plain_encoding(open_compressed(file))
        file.seek(0)
        lines = io.TextIOWrapper(open_compressed(file), encoding=encoding, errors="replace", newline=None)
        for offset, text in _pieces(lines):
            yield RawText(text=text, url=None, archive=path, offset=offset)
        lines.detach()
    except (OSError, EOFError) as error:
        yield _reject(path, 0, RejectReason.DAMAGED, f"cannot be inflated: {error}")


def _plain_encoding(file: BinaryIO) -> str:
    """Returns the Python codec of a plain text: by its byte order mark, UTF-8 where it is valid, else detected."""
    head = file.read(_DETECT_BYTES)
    for bom, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(bom):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    block = head
    try:
        while block:
            decoder.decode(block)
            block = file.read(_BLOCK_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        found = detect_encoding(head if not head.isascii() else block[:_DETECT_BYTES])
        # ASCII at the beginning says nothing; the block that broke UTF-8 does.
        return "cp1252" if found in (None, "utf-8", "ascii") else str(found)
    return "utf-8"


def _pieces(lines: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    """Yields ``(number of the first character, text)``, cut at empty lines once long enough."""
    held: list[str] = []
    start = n_held = position = 0
    while line := lines.readline(MAX_PARAGRAPH):
        position += len(line)
        is_empty = not line.strip()
        if is_empty and not held:
            start = position
            continue
        held.append(line)
        n_held += len(line)
        if (is_empty and n_held >= PIECE_CHARACTERS) or n_held >= MAX_PARAGRAPH:
            yield start, "".join(held).strip()
            held, n_held, start = [], 0, position
    text = "".join(held).strip()
    if text:
        yield start, text


def _reject(path: str, offset: int, reason: RejectReason, detail: str) -> Rejection:
    return Rejection(job=JOB, kind=KIND, item=f"{path}:{offset}", reason=reason, detail=detail)
