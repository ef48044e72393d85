"""Parts cut into work items of about equal size: models are slow, so no worker may be left with a large part alone."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipelines.runs.folder import read_part
from schemas.summary import PartRecord

Record = TypeVar("Record")
Item = TypeVar("Item")

WORK_ITEMS = 64
"""Aimed at for inputs that are not large: several for each worker of one machine."""

LARGEST = 16_384
"""Rows of a work item at most: what is done again when a worker dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows ``start`` to ``stop`` of a part."""

    part: int
    path: str
    """Absolute."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlan:
    """How parts are cut: a function of their rows alone."""

    chunks: tuple[Chunk, ...]
    rows_per_chunk: int
    first_chunks: tuple[int, ...]
    """Of each part, the number of its first chunk."""

    def locate(self, part: int, row: int) -> tuple[int, int]:
        """Returns the number of the chunk that a row of a part is in, and its place there."""
        return self.first_chunks[part] + row // self.rows_per_chunk, row % self.rows_per_chunk


def plan_chunks(parts: Sequence[PartRecord], paths: Sequence[str], multiple: int) -> ChunkPlan:
    """Returns the chunks of parts, none across two parts.

    Args:
        parts: As they were committed.
        paths: Absolute path of each.
        multiple: Rows of a chunk are a multiple of it, so that batches of a model are full.
    """
    total = sum(part.rows for part in parts)
    rows = min(LARGEST, max(1, -(-total // WORK_ITEMS)))
    rows = -(-rows // multiple) * multiple
    chunks = tuple(
        Chunk(part=number, path=path, start=start, stop=min(start + rows, part.rows))
        for number, (part, path) in enumerate(zip(parts, paths, strict=True))
        for start in range(0, part.rows, rows)
    )
    counts = [-(-part.rows // rows) for part in parts]
    return ChunkPlan(chunks=chunks, rows_per_chunk=rows, first_chunks=tuple(itertools.accumulate(counts, initial=0)))


def read_chunk(chunk: Chunk, record_type: type[Record]) -> Iterator[Record]:
    """Yields the records of a chunk, in order."""
    return itertools.islice(read_part(chunk.path, record_type), chunk.start, chunk.stop)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields lists of ``size`` items, the last one shorter."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
