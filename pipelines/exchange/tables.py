"""Parquet parts of bounded size, written one row after the other."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runs import storage

GROUP_BYTES = 64_000_000
"""A row group is closed at about so many bytes of its values; Hugging Face's viewer asks for at most 100 MB."""

PART_BYTES = 500_000_000


def write_parts(
    rows: Iterable[dict[str, Any]], schema: pa.Schema, folder: str, *, part_bytes: int = PART_BYTES
) -> list[str]:
    """Writes rows as ``part-00000.parquet``, ``part-00001.parquet``, ... and returns the paths.

    The same rows give the same parts: they are closed by size, and never held longer than a row group.
    """
    paths: list[str] = []
    groups = _groups(rows)
    group = next(groups, None)
    while group is not None or not paths:
        paths.append(storage.join(folder, f"part-{len(paths):05d}.parquet"))
        with storage.publish(paths[-1]) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            while group is not None and file.n_bytes < part_bytes:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group = next(groups, None)
    return paths


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    n_bytes = 0
    for row in rows:
        group.append(row)
        n_bytes += _size(row)
        if n_bytes >= GROUP_BYTES:
            yield group
            group, n_bytes = [], 0
    if group:
        yield group


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    return len(value) if isinstance(value, (str, bytes)) else 8
