"""Rows of Parquet and JSONL files."""

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.inputs.members import GZIP, ZSTD_MAGIC

BATCH_ROWS = 256
MAX_LINE_BYTES = 64_000_000
"""A longer line of JSONL is passed over in bounded memory and is a bad row."""


class TableError(ValueError):
    """The file cannot be read on, or lacks what is needed; the message says what."""


def read_parquet_rows(file: BinaryIO, columns: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yields the rows of a Parquet file as dicts of the asked columns.

    Raises:
        TableError: It is no Parquet, or lacks one of ``columns``.
    """
    try:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        missing = [name for name in columns if name not in names]
        if missing:
            raise TableError(f"lacks the columns {missing}; it has {names[:20]}")
        wanted = [*columns, *(name for name in optional if name in names)]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"cannot be read as Parquet: {error}") from error


def read_json_lines(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yields ``(line number, object)``; for a line that is no JSON object, ``(line number, what is wrong)``.

    Raises:
        TableError: The compressed data are damaged or cut.
    """
    lines = _lines(open_compressed(file))
    for number, line in enumerate(lines):
        if line is None:
            yield number, f"a line of more than {MAX_LINE_BYTES} bytes"
        elif line.strip():
            yield number, _parse(line)


def open_compressed(file: BinaryIO) -> BinaryIO:
    """Returns the file's content inflated, where it is gzip or Zstandard; else the file."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(GZIP.magic[:2]):
        import gzip

        return cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=file)))
    if head == ZSTD_MAGIC:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file, read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(cast(Any, reader)))
    return file


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    try:
        while line := file.readline(MAX_LINE_BYTES):
            if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
                yield line
                continue
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise TableError(f"cannot be inflated: {error}") from error


def _parse(line: bytes) -> dict[str, Any] | str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {str(error)[:200]}"
    return value if isinstance(value, dict) else f"a JSON {type(value).__name__}, not an object"
