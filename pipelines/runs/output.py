"""What one work item writes: Parquet parts, tars of original bytes, rejections, and the counts that go with them."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.runs.job import JobContext
from schemas.arrow import arrow_schema, to_table
from schemas.images import ImagePointer
from schemas.rejections import Rejection
from schemas.summary import PartRecord, UnitCounts, WorkReport

REJECTED = "rejected"
BUFFER_ROWS = 2048
"""Rows of a row group: bounds what a worker holds."""

BUFFER_CHARACTERS = 32_000_000
"""A row group is also closed at so many characters or bytes of its records."""

RECORD_CHARACTERS = 200
"""Of a record without its text."""

TAR_BLOCK = 512


class ItemOutput:
    """The output of one work item: use as a context manager, then ask for its ``report``.

    Parts are named by the number of the work item and the count of them, never by attempt, and appear only when the
    block ends without an exception: an attempt that fails leaves nothing.
    """

    def __init__(self, context: JobContext, number: int, count: int, phase: str = "") -> None:
        self._context = context
        self.number = number
        self._suffix = f"{phase}-{number:05d}-of-{count:05d}".lstrip("-")
        self._tables: dict[str, _PartWriter] = {}
        self._tars: dict[str, TarWriter] = {}
        self._counts: dict[str, UnitCounts] = {}
        self._totals: dict[str, int] = {}
        self._parts: list[PartRecord] = []
        self._stack = contextlib.ExitStack()
        self.report = WorkReport()

    def write(self, record: object, table: str = "") -> None:
        """Appends a record to the item's part of a table. All records of a table are of one class."""
        if table not in self._tables:
            path = self._path(table, f"part-{self._suffix}.parquet")
            self._tables[table] = self._stack.enter_context(_PartWriter(self._context, path, table, type(record)))
        self._tables[table].write(record)

    def reject(self, unit: str, rejection: Rejection) -> None:
        """Records that one ``unit`` was left out."""
        self.write(rejection, REJECTED)
        self.count(unit, rejected={rejection.reason.value: 1})

    def count(self, unit: str, n_in: int = 0, n_out: int = 0, rejected: dict[str, int] | None = None) -> None:
        """Adds to the counts of a unit."""
        added = UnitCounts(n_in=n_in, n_out=n_out, rejected=rejected or {})
        self._counts[unit] = self._counts.get(unit, UnitCounts()) + added

    def total(self, name: str, n: int) -> None:
        """Adds ``n`` to one of the job's totals."""
        self._totals[name] = self._totals.get(name, 0) + n

    def tar(self, table: str) -> "TarWriter":
        """Returns the item's tar of a table of payloads."""
        if table not in self._tars:
            path = self._path(table, f"part-{self._suffix}.tar")
            self._tars[table] = self._stack.enter_context(TarWriter(self._context, path, table))
        return self._tars[table]

    def add_part(self, part: PartRecord) -> None:
        """Takes up a file that the worker has published itself, under a name that the content fixes."""
        self._parts.append(part)

    def __enter__(self) -> "ItemOutput":
        self._stack.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)
        if exception[0] is None:
            writers: list[_PartWriter | TarWriter] = [*self._tables.values(), *self._tars.values()]
            parts = [*self._parts, *(writer.record for writer in writers if writer.record)]
            self.report = WorkReport(
                parts=tuple(sorted(parts, key=lambda part: part.path)), counts=self._counts, totals=self._totals
            )

    def _path(self, table: str, name: str) -> str:
        return "/".join(part for part in (self._context.job, table, name) if part)


class _PartWriter:
    """A Parquet part. The same records give the same bytes: row groups close by rows and size, never by time."""

    def __init__(self, context: JobContext, path: str, table: str, record_type: type) -> None:
        self._publish = storage.publish(context.folder.path(path))
        self._path, self._table, self._type = path, table, record_type
        self._schema: pa.Schema = arrow_schema(record_type)
        self._weigh = _scale(record_type)
        self._buffer: list[object] = []
        self._rows = self._characters = 0
        self.record: PartRecord | None = None

    def __enter__(self) -> "_PartWriter":
        self._file = self._publish.__enter__()
        # Statistics of long strings would store whole texts in the footer; dictionaries pay only for short values.
        self._parquet = pq.ParquetWriter(self._file, self._schema, compression="zstd", write_statistics=False)
        return self

    def write(self, record: object) -> None:
        self._buffer.append(record)
        self._characters += self._weigh(record)
        if len(self._buffer) >= BUFFER_ROWS or self._characters >= BUFFER_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._parquet.write_table(to_table(self._buffer, self._type))
            self._rows += len(self._buffer)
            self._buffer, self._characters = [], 0

    def __exit__(self, *exception: Any) -> None:
        if exception[0] is not None:
            self._give_up(exception)
            return
        try:
            self._flush()
            self._parquet.close()
        except BaseException:
            self._give_up(sys.exc_info())
            raise
        self._publish.__exit__(None, None, None)
        self.record = PartRecord(
            table=self._table,
            path=self._path,
            rows=self._rows,
            n_bytes=self._file.n_bytes,
            sha256=self._file.sha256(),
        )

    def _give_up(self, exception: Any) -> None:
        # Closed while its file is open: its finaliser would write to a closed one. On a full disk this fails again.
        with contextlib.suppress(Exception):
            self._parquet.close()
        self._publish.__exit__(*exception)


def _scale(record_type: type) -> Callable[[Any], int]:
    """Returns what tells about how many characters a record holds: exact for documents, small for the rest."""
    if hasattr(record_type, "segments"):
        return lambda record: RECORD_CHARACTERS + sum(len(getattr(s, "text", None) or "") for s in record.segments)
    if hasattr(record_type, "text"):
        return lambda record: RECORD_CHARACTERS + len(record.text)
    return lambda record: RECORD_CHARACTERS


class TarWriter:
    """An uncompressed tar of original bytes, read back by pointer (POSIX ustar, IEEE Std 1003.1)."""

    def __init__(self, context: JobContext, path: str, table: str) -> None:
        self._publish = storage.publish(context.folder.path(path))
        self._path, self._table = path, table
        self._members = 0
        self.record: PartRecord | None = None

    def __enter__(self) -> "TarWriter":
        self._file = self._publish.__enter__()
        return self

    def add(self, name: str, data: bytes) -> ImagePointer:
        """Appends a member and returns where its bytes lie. ``name`` is ASCII of at most 100 characters."""
        self._file.write(tar_header(name, len(data)))
        offset = self._file.n_bytes
        self._file.write(data)
        self._file.write(b"\0" * (-len(data) % TAR_BLOCK))
        self._members += 1
        return ImagePointer(file=self._path, offset=offset, length=len(data))

    def __exit__(self, *exception: Any) -> None:
        if exception[0] is None:
            self._file.write(b"\0" * (2 * TAR_BLOCK))
        self._publish.__exit__(*exception)
        if exception[0] is None:
            self.record = PartRecord(
                table=self._table,
                path=self._path,
                rows=self._members,
                n_bytes=self._file.n_bytes,
                sha256=self._file.sha256(),
            )


def tar_header(name: str, n_bytes: int) -> bytes:
    """Returns the 512 byte ustar header of a regular file with fixed owner, mode and time.

    Raises:
        ValueError: The name is longer than the 100 bytes of its field, or the file than 8 GiB.
    """
    encoded = name.encode("ascii")
    if len(encoded) > 100 or n_bytes >= 8**11:
        raise ValueError(f"tar member {name!r} of {n_bytes} bytes does not fit a ustar header")
    fields = (
        encoded.ljust(100, b"\0"),
        b"0000644\0",  # mode
        b"0000000\0",  # owner
        b"0000000\0",  # group
        b"%011o\0" % n_bytes,
        b"00000000000\0",  # time: fixed, so that equal content is equal bytes
        b"        ",  # the checksum counts itself as blanks
        b"0",
        b"\0" * 100,
        b"ustar\x0000",
        b"\0" * 247,
    )
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]
