"""Streams single columns of committed tables: numbers for histograms, keys for samples."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.digests import keyed_digest


def batches(folder: RunFolder, job: str, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields columns of a committed table in batches; a job that is not committed has none.

    A column may be a field of a struct: ``"statistics.n_words"``.
    """
    summary = folder.summary(job)
    if summary is None:
        return
    for part in summary.table(table):
        if part.path.endswith(".parquet"):
            with storage.open_read(folder.path(part.path)) as file:
                yield from pq.ParquetFile(file).iter_batches(batch_size=8192, columns=list(columns))


def rows(folder: RunFolder, job: str, table: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields rows with the given columns alone."""
    for batch in batches(folder, job, table, columns):
        yield from batch.to_pylist()


def smallest(purpose: str, seed: int, keyed: Iterator[tuple[str, Any]], count: int) -> list[Any]:
    """Returns a uniform sample of ``(key, value)`` pairs: the values with the smallest keyed hashes, in that order.

    The same rows give the same sample in any order and on any engine (bottom-k sampling, Cohen and Kaplan 2007).
    """
    hashed = ((keyed_digest(purpose, str(seed), key, size=8), key, value) for key, value in keyed)
    return [value for _, _, value in heapq.nsmallest(count, hashed, key=lambda item: item[:2])]
