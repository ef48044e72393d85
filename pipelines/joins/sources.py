"""The parts that samples are made of, numbered: documents, then pairs, then texts."""

from dataclasses import dataclass
from typing import Literal

from pipelines.runs.folder import RunFolder
from schemas.summary import JobSummary

SourceKind = Literal["documents", "pairs", "texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One committed part that a worker reads by itself: its rows never go through a shuffle."""

    kind: SourceKind
    number: int
    """Over all kinds: the first part of the pairs follows the last part of the documents."""

    path: str
    """Absolute."""


def list_sources(folder: RunFolder, kinds: tuple[SourceKind, ...] = ("documents", "pairs", "texts")) -> list[Source]:
    """Returns the parts of ``kinds``, numbered from 0.

    Raises:
        NotCommittedError: ``interleave`` or ``fetch`` has not been committed.
    """
    tables = {"documents": ("interleave", ""), "pairs": ("fetch", "pairs"), "texts": ("interleave", "texts")}
    found = [(kind, path) for kind in kinds for path in folder.part_paths(*tables[kind])]
    return [Source(kind=kind, number=number, path=path) for number, (kind, path) in enumerate(found)]


def num_rows(summary: JobSummary, *tables: str) -> int:
    """Returns how many rows the named tables of a job hold together."""
    return sum(part.rows for table in tables for part in summary.table(table))
