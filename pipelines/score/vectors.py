"""Image embeddings as a file that is read by row: one for each chunk of the image store, in its order.

A tar (POSIX ustar) of members with ``ROWS_PER_MEMBER`` rows of little-endian float16, so that the offset of a row is
arithmetic. A row of NaN stands for an image without an embedding.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipelines.joins.chunks import ChunkPlan
from pipelines.runs import storage
from pipelines.runs.output import TAR_BLOCK, TarWriter

ROWS_PER_MEMBER = 1024
"""A multiple of 256: members of whole blocks, whatever the width of an embedding."""

MAX_GAP = 1 << 16
"""Bytes between two wanted rows up to which one read takes both: cheaper than another request to an object store."""

VECTOR = np.dtype("<f2")

Vectors = NDArray[np.float16]


class VectorWriter:
    """Appends rows to a tar, member by member."""

    def __init__(self, tar: TarWriter) -> None:
        self._tar = tar
        self._rows: list[Vectors] = []
        self._members = 0

    def write(self, row_W: Vectors) -> None:
        """Appends the row of the next image."""
        self._rows.append(row_W.astype(VECTOR))
        if len(self._rows) == ROWS_PER_MEMBER:
            self.flush()

    def flush(self) -> None:
        """Writes the rows that wait. To be called once after the last row."""
        if self._rows:
            self._tar.add(f"{self._members:06d}.f16", np.stack(self._rows).tobytes())
            self._members += 1
            self._rows = []


class VectorIndex:
    """Finds and reads the vectors of images by their place in the store."""

    def __init__(self, plan: ChunkPlan, paths: list[str]) -> None:
        self._plan, self._paths = plan, paths

    def read(self, places: Iterable[tuple[int, int]], width: int) -> dict[tuple[int, int], Vectors]:
        """Returns the vectors of images by ``(part, row)`` of the store."""
        chunks: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        for place in places:
            chunk, row = self._plan.locate(*place)
            chunks[chunk][row] = place
        return {
            rows[row]: vector_W
            for chunk, rows in sorted(chunks.items())
            for row, vector_W in read_vectors(self._paths[chunk], rows, width).items()
        }


def row_offset(row: int, width: int) -> int:
    """Returns the byte offset of a row of ``width`` components."""
    member, place = divmod(row, ROWS_PER_MEMBER)
    n_bytes = width * VECTOR.itemsize
    return member * (TAR_BLOCK + ROWS_PER_MEMBER * n_bytes) + TAR_BLOCK + place * n_bytes


def read_vectors(path: str, rows: Iterable[int], width: int) -> dict[int, Vectors]:
    """Returns the vectors of some rows of a file, reading close ones together."""
    n_bytes = width * VECTOR.itemsize
    vectors: dict[int, Vectors] = {}
    for run in _runs(sorted(set(rows)), width):
        start = row_offset(run[0], width)
        data = storage.read_range(path, start, row_offset(run[-1], width) + n_bytes - start)
        for row in run:
            vectors[row] = np.frombuffer(data, VECTOR, width, row_offset(row, width) - start)
    return vectors


def _runs(rows: list[int], width: int) -> list[list[int]]:
    runs: list[list[int]] = []
    for row in rows:
        if runs and row_offset(row, width) - row_offset(runs[-1][-1], width) <= MAX_GAP:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs
