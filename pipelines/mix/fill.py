"""Fills rows by cutting documents between paragraphs, where whole documents would leave too much of the rows empty.

Best fit decreasing leaves next to nothing of web pages, whose lengths vary. Documents of more than half a row, all of
like length, cannot share rows, however they are packed. Then the emptiest rows are taken apart, and their documents go
into the gaps of the others, cut so that each gap is filled as well as a cut allows. The parts keep their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.mix.pack import pack

MAX_EMPTY = 0.02
"""Rows of whole documents that are filled better than this are left alone."""

OVERHEAD = 1.005
"""Each part needs a begin token of its own, and no cut fits exactly: so much more than the sum is planned for."""

SMALLEST_PART = 1 / 32
"""Of a row. A smaller part is made only where it is the rest of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a row holds."""

    positions: int
    images: int
    tokens_per_image: int


@dataclass(frozen=True, slots=True)
class Range:
    """Part of a piece: from one of its cuts to another, by number; cut 0 is the start."""

    piece: int
    first: int
    last: int


class Ruler:
    """Lengths of the parts of pieces. Legend: P pieces, C cuts of a piece with its start and end."""

    def __init__(self, text_PC: np.ndarray, images_PC: np.ndarray, frame_P: np.ndarray, limits: Limits) -> None:
        """Takes what comes before each cut: text tokens and images. Pieces with fewer cuts repeat their end.

        Args:
            text_PC: Without the tokens that frame a sample.
            images_PC: Images.
            frame_P: Frame tokens of each piece, 1 or 2.
            limits: Of a row.
        """
        self.images_PC, self._frame_P, self.limits = images_PC, frame_P, limits
        self._positions_PC = text_PC + images_PC * limits.tokens_per_image
        self.end = text_PC.shape[1] - 1

    def lengths(self, pieces: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions and images of the parts of ``pieces`` from ``first`` to every cut, as arrays (P, C)."""
        here = np.arange(len(pieces))
        positions, images = self._positions_PC[pieces], self.images_PC[pieces]
        lengths = positions - positions[here, first][:, None] + 1
        # Whatever reaches the end of its piece also has the frame's end.
        lengths += (positions == positions[:, -1:]) * (self._frame_P[pieces] - 1)[:, None]
        return lengths, images - images[here, first][:, None]

    def sizes(self, pieces: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions and images of parts, as arrays."""
        lengths, images = self.lengths(pieces, first)
        here = np.arange(len(pieces))
        return lengths[here, last], images[here, last]


def fill(rows: Sequence[Sequence[int]], ruler: Ruler) -> list[list[Range]]:
    """Returns rows of parts, fewer than ``rows`` of whole pieces where cutting saves any."""
    whole = [[Range(piece, 0, ruler.end) for piece in row] for row in rows]
    if not rows:
        return whole
    filled, used_images = _sums(whole, ruler)
    limits = ruler.limits
    needed = max(
        -(-int(filled.sum() * OVERHEAD) // limits.positions), -(-int(used_images.sum()) // max(1, limits.images))
    )
    is_full = filled.sum() >= (1 - MAX_EMPTY) * limits.positions * len(rows)
    if is_full or needed >= len(rows):
        return whole
    order = np.lexsort((np.arange(len(rows)), -filled))
    kept, given = order[:needed], sorted(order[needed:].tolist())
    donors = np.array(sorted(piece for row in given for piece in rows[row]), dtype=np.int64)
    result = [list(whole[row]) for row in kept]
    gaps = [(limits.positions - int(filled[row]), limits.images - int(used_images[row])) for row in kept]
    rest = _pour(donors, result, gaps, ruler)
    lengths, images = _sizes(rest, ruler)
    sizes = list(zip(lengths.tolist(), images.tolist(), strict=True))
    packed = pack(sizes, positions=limits.positions, images=limits.images)
    result += [[rest[number] for number in row] for row in packed]
    return result if len(result) < len(rows) else whole


def _sizes(parts: Sequence[Range], ruler: Ruler) -> tuple[np.ndarray, np.ndarray]:
    columns = np.array([(part.piece, part.first, part.last) for part in parts], dtype=np.int64).reshape(-1, 3)
    return ruler.sizes(*columns.T)


def _sums(rows: Sequence[Sequence[Range]], ruler: Ruler) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions and images of each row."""
    lengths, images = _sizes([part for row in rows for part in row], ruler)
    starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
    return np.add.reduceat(lengths, starts), np.add.reduceat(images, starts)


def _pour(donors: np.ndarray, rows: list[list[Range]], gaps: Sequence[tuple[int, int]], ruler: Ruler) -> list[Range]:
    """Adds parts of ``donors`` to ``rows``, the largest gap first; returns what is left of them."""
    first = np.zeros(len(donors), dtype=np.int64)
    smallest = int(ruler.limits.positions * SMALLEST_PART)
    for number in sorted(range(len(rows)), key=lambda n: (-gaps[n][0], n)):
        room, room_images = gaps[number]
        while room >= smallest and len(donors):
            lengths, images = ruler.lengths(donors, first)
            ends = images[:, -1:] == images
            is_rest = ends & (lengths == lengths[:, -1:])
            fits = (lengths <= room) & (images <= room_images) & ((lengths >= smallest) | is_rest)
            # A part from a cut to itself is none.
            fits &= np.arange(lengths.shape[1])[None, :] > first[:, None]
            if not fits.any():
                break
            best = int(np.argmax(np.where(fits, lengths, -1)))
            donor, last = divmod(best, lengths.shape[1])
            room, room_images = room - int(lengths[donor, last]), room_images - int(images[donor, last])
            is_last = bool(is_rest[donor, last])
            rows[number].append(Range(int(donors[donor]), int(first[donor]), ruler.end if is_last else last))
            if is_last:
                donors, first = np.delete(donors, donor), np.delete(first, donor)
            else:
                first[donor] = last
    return [Range(int(piece), int(start), ruler.end) for piece, start in zip(donors, first, strict=True)]
