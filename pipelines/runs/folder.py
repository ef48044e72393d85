"""A run folder: the committed tables of every job, read as records."""

from collections.abc import Iterator
from typing import TypeVar

import pyarrow.parquet as pq

from pipelines.runs import storage
from schemas.arrow import arrow_schema, from_table
from schemas.errors import SchemaError
from schemas.json_form import from_json, to_json
from schemas.summary import SUMMARY_VERSION, JobSummary

Record = TypeVar("Record")

BATCH_ROWS = 1024
"""Rows that are decoded at one time: bounds memory, whatever the part's size."""


class NotCommittedError(SchemaError):
    """A job's output is asked for that has not been committed."""


class RunFolder:
    """Paths and committed tables under one run folder."""

    def __init__(self, path: str) -> None:
        self.root = path

    def path(self, *parts: str) -> str:
        """Returns the path of something in the folder."""
        return storage.join(self.root, *parts)

    def summary(self, job: str) -> JobSummary | None:
        """Returns the summary of a committed job, None for a job that is not.

        Raises:
            SchemaError: There is one that this build cannot read.
        """
        path = self.path(job, "summary.json")
        if not storage.exists(path):
            return None
        summary = from_json(storage.read_bytes(path), JobSummary)
        if summary.version != SUMMARY_VERSION:
            raise SchemaError(
                f"{path} has version {summary.version}, this build reads {SUMMARY_VERSION}: run {job} again"
            )
        return summary

    def committed(self, job: str) -> JobSummary:
        """Returns the summary of a job that must be committed.

        Raises:
            NotCommittedError: It is not.
        """
        summary = self.summary(job)
        if summary is None:
            raise NotCommittedError(f"{self.root}: job {job!r} is not committed (no {job}/summary.json); run it first")
        return summary

    def commit(self, summary: JobSummary) -> None:
        """Writes a job's summary, after checking that its numbers add up.

        Raises:
            SchemaError: They do not.
        """
        for unit, counts in summary.counts.items():
            counts.check(summary.job, unit)
        storage.write_bytes(self.path(summary.job, "summary.json"), (to_json(summary, indent=1) + "\n").encode())

    def part_paths(self, job: str, table: str = "") -> list[str]:
        """Returns the paths of a committed table's parts, in order."""
        return [self.path(part.path) for part in self.committed(job).table(table)]

    def read(self, job: str, record_type: type[Record], table: str = "") -> Iterator[Record]:
        """Yields the records of a committed table, part by part."""
        for path in self.part_paths(job, table):
            yield from read_part(path, record_type)


def read_part(path: str, record_type: type[Record]) -> Iterator[Record]:
    """Yields the records of one Parquet part, decoding ``BATCH_ROWS`` at a time.

    Raises:
        SchemaError: The file lacks a column of ``record_type``.
    """
    import pyarrow as pa

    with storage.open_read(path) as file:
        parquet = pq.ParquetFile(file)
        names = arrow_schema(record_type).names
        missing = [name for name in names if name not in parquet.schema_arrow.names]
        if missing:
            raise SchemaError(f"{path} lacks the columns {missing}; another version wrote it: run its job again")
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
            yield from from_table(pa.Table.from_batches([batch]), record_type)
