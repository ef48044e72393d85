"""Finds single records in committed tables without decoding the rest: the key columns are read first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.arrow import from_table

Record = TypeVar("Record")


def find(
    folder: RunFolder, job: str, table: str, record_type: type[Record], where: Mapping[str, Collection[str]]
) -> Iterator[Record]:
    """Yields the records of a table in which any of the columns ``where`` has one of its values.

    A column may be one of a list of structs: ``"segments.image_id"``. A job that is not committed has no records.
    """
    summary = folder.summary(job)
    if summary is None:
        return
    for part in summary.table(table):
        if part.path.endswith(".parquet"):
            yield from find_in_file(folder.path(part.path), record_type, where)


def find_in_file(path: str, record_type: type[Record], where: Mapping[str, Collection[str]]) -> Iterator[Record]:
    """Yields the records of one Parquet file in which any of the columns has one of its values."""
    with storage.open_read(path) as file:
        parquet = pq.ParquetFile(file)
        names = sorted({column.split(".", 1)[0] for column in where})
        for group in range(parquet.num_row_groups):
            keys = parquet.read_row_group(group, columns=names)
            rows = sorted({row for column, values in where.items() for row in _matches(keys, column, values)})
            if rows:
                yield from from_table(parquet.read_row_group(group).take(rows), record_type)


def _matches(table: pa.Table, column: str, values: Collection[str]) -> Sequence[int]:
    name, _, inner = column.partition(".")
    wanted = pa.array(sorted(values), pa.string())
    data: Any = table.column(name).combine_chunks()
    if not inner:
        return _true_rows(pc.is_in(data, value_set=wanted))
    if isinstance(data, pa.ChunkedArray):
        data = data.chunk(0) if data.num_chunks else pa.array([], data.type)
    hits = pc.is_in(pc.struct_field(pc.list_flatten(data), inner), value_set=wanted)
    parents = pc.filter(pc.list_parent_indices(data), hits)
    rows: list[int] = parents.to_pylist()
    return rows


def _true_rows(mask: Any) -> list[int]:
    rows: list[int] = pc.indices_nonzero(mask).to_pylist()
    return rows
