"""What every item of the world is: one row each in ``truth.parquet``."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRow:
    """One page capture, image reference, pair, text or held-out picture."""

    kind: str
    """``page``, ``image``, ``pair``, ``text`` or ``heldout``."""

    id: str
    """URL of a page or an image, key of a pair, id of a text, file name of a held-out picture."""

    what: str
    """What it was made to be: a ``PageKind``, or ``photo``, ``tiny``, ``true_caption``, ..."""

    file: str
    """File of the world that holds it, relative; empty for a dead link."""

    page: str | None = None
    """Of an image reference: URL of its page."""

    position: int | None = None
    """Of an image reference: its place among the images of the page's text, from 0. Of a page:
    number of the capture, from 0."""

    date: str | None = None
    """Of a page: capture time, ISO 8601 in UTC."""

    language: str | None = None
    """Of a page or text: ISO 639-1 code."""

    encoding: str | None = None
    """Of a page: the character encoding of its bytes."""

    status: int | None = None
    """Of a page: HTTP status."""

    text: str | None = None
    """Of a page: title, paragraphs and captions of the article with blank lines between; of a text:
    all of it; of a pair: its caption."""

    shows: str | None = None
    """Plain true description of the picture; None where nothing can be seen."""

    alt: str | None = None
    title: str | None = None
    caption: str | None = None
    near: str | None = None

    texts_are_true: bool | None = None
    """Whether alt, title, caption and near text (or a pair's caption) describe the picture."""

    duplicate_of: str | None = None
    """``id`` of what it repeats."""

    duplicate_how: str | None = None
    """``exact``, ``resized``, ``same_url``, ``near``, ``image_set``, ``capture`` or ``repeated``."""

    reason: str | None = None
    """``RejectReason`` for which it should be left out; None where it should be kept or may be."""


_TYPES = {"position": pa.int32(), "status": pa.int32(), "texts_are_true": pa.bool_()}

SCHEMA = pa.schema(
    [
        pa.field(
            field.name,
            _TYPES.get(field.name, pa.string()),
            nullable=field.name not in ("kind", "id", "what", "file"),
        )
        for field in fields(TruthRow)
    ]
)


class TruthWriter:
    """Writes rows in the order given, a group at a time, and commits the file when it closes."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._waiting: list[TruthRow] = []

    def write(self, rows: Iterable[TruthRow]) -> None:
        self._waiting.extend(rows)
        while len(self._waiting) >= ROWS_PER_GROUP:
            self._flush(ROWS_PER_GROUP)

    def close(self) -> None:
        if self._waiting:
            self._flush(len(self._waiting))
        self._writer.close()

    def _flush(self, number: int) -> None:
        rows = self._waiting[:number]
        del self._waiting[:number]
        columns = [[getattr(row, field.name) for row in rows] for field in SCHEMA]
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
