"""Checks the index of a shard: its own promises, and its place in the whole."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.verify.findings import Finding
from schemas.manifest import Manifest, ShardRecord

COLUMNS = ("row", "key", "kind", "offset", "length", "n_text", "n_images", "n_loss", "crc32c", "forgotten")
KEY_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an index, as read."""

    row: int
    key: str
    kind: str
    offset: int
    length: int
    n_text: int
    n_images: int
    n_loss: int
    crc32c: int
    forgotten: bool


def read_index(data: bytes) -> list[Line]:
    """Returns the lines of an index.

    Raises:
        ValueError: It is not Parquet, or lacks a column.
    """
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"not Parquet: {error}") from error
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ValueError(f"lacks the columns {missing}")
    rows: list[dict[str, Any]] = table.select(list(COLUMNS)).to_pylist()
    return [Line(**row) for row in rows]


def check_lines(shard: ShardRecord, lines: list[Line], manifest: Manifest) -> Iterator[Finding]:
    """Yields what is wrong with an index by itself and against its shard's record in the manifest."""

    def found(check: str, detail: str, line: Line | None = None) -> Finding:
        return Finding(
            check=check,
            file=shard.index_name,
            detail=detail,
            key=line.key if line else None,
            offset=line.offset if line else None,
        )

    expected_offset, previous = 0, None
    for line in lines:
        if line.offset != expected_offset:
            yield found("index", f"the sample before ends at {expected_offset}", line)
        expected_offset = line.offset + line.length
        if len(line.key) != KEY_DIGITS or line.key.strip("0123456789abcdef"):
            yield found("key", f"{line.key!r} is not {KEY_DIGITS} hexadecimal digits", line)
        if not line.forgotten and line.n_loss != line.n_text - 1:
            yield found("index", f"{line.n_loss} loss positions for {line.n_text} text tokens", line)
        if previous is not None and line.row not in (previous.row, previous.row + 1):
            yield found("order", f"row {line.row} follows row {previous.row}", line)
        if previous is not None and line.row == previous.row and line.kind != previous.kind:
            yield found("kinds", f"row {line.row} holds {previous.kind} and {line.kind}", line)
        previous = line
    if shard.n_bytes != expected_offset + 1024:
        yield found("index", f"the samples end at {expected_offset}, the tar has {shard.n_bytes} bytes")
    if lines and lines[0].row != shard.first_row:
        yield found("order", f"begins with row {lines[0].row}, the manifest says {shard.first_row}", lines[0])
    yield from _check_rows(shard, lines, manifest, found)
    yield from _check_counts(shard, lines, found)


def _check_rows(shard: ShardRecord, lines: list[Line], manifest: Manifest, found: Any) -> Iterator[Finding]:
    rows: dict[int, list[Line]] = {}
    for line in lines:
        rows.setdefault(line.row, []).append(line)
    for row, members in rows.items():
        images = sum(line.n_images for line in members)
        positions = sum(line.n_text for line in members) + images * manifest.tokens_per_image
        if positions > manifest.sequence_length:
            yield found("limits", f"row {row} has {positions} positions of {manifest.sequence_length}", members[0])
        if images > manifest.images_per_row:
            yield found("limits", f"row {row} has {images} images of {manifest.images_per_row}", members[0])


def _check_counts(shard: ShardRecord, lines: list[Line], found: Any) -> Iterator[Finding]:
    for kind in ("interleaved", "caption", "text"):
        chosen = [line for line in lines if line.kind == kind]
        counted = {
            "rows": len({line.row for line in chosen}),
            "samples": len(chosen),
            "text_tokens": sum(line.n_text for line in chosen),
            "images": sum(line.n_images for line in chosen),
        }
        for name, count in counted.items():
            stated = getattr(shard, name).get(kind, 0)
            if count != stated:
                yield found("counts", f"{count} {name} of kind {kind}, the manifest says {stated}")
