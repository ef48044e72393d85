"""Fills rows by cutting documents between paragraphs, where whole documents would leave too much of the rows empty.

Best fit decreasing leaves next to nothing of web pages, whose lengths vary. Documents of more than half a row, all of
like length, cannot share rows, however they are packed. Then all rows that are not well filled are taken apart and
filled anew: by whole documents as long as what they leave can be filled by one more part, and last by a part whose cut
fits. Among some hundred parts there is one that fits within a few positions. The parts keep their order.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_EMPTY = 0.02
"""Rows of whole documents that are filled better than this are left alone."""

WELL_FILLED = 0.98
"""Of a row. Rows of whole documents that are filled so far stay as they are, among others that do not."""

TOLERANCE = 1 / 128
"""Of a row. What may stay empty of it."""

SMALLEST_PART = 1 / 16
"""Of a row. No cut leaves less on either side: a document becomes two or three parts, not crumbs."""

MAX_OPEN = 64
"""Documents that a part is chosen among: bounds the time, and each has up to 17 parts."""


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
    if filled.sum() >= (1 - MAX_EMPTY) * limits.positions * len(rows):
        return whole
    is_kept = (filled >= WELL_FILLED * limits.positions) | (used_images >= limits.images)
    donors = sorted(piece for row in np.flatnonzero(~is_kept).tolist() for piece in rows[row])
    result = [whole[row] for row in np.flatnonzero(is_kept).tolist()] + _refill(donors, ruler)
    return result if len(result) < len(rows) else whole


def _sizes(parts: Sequence[Range], ruler: Ruler) -> tuple[np.ndarray, np.ndarray]:
    columns = np.array([(part.piece, part.first, part.last) for part in parts], dtype=np.int64).reshape(-1, 3)
    return ruler.sizes(*columns.T)


def _sums(rows: Sequence[Sequence[Range]], ruler: Ruler) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions and images of each row."""
    lengths, images = _sizes([part for row in rows for part in row], ruler)
    starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
    return np.add.reduceat(lengths, starts), np.add.reduceat(images, starts)


def _refill(donors: Sequence[int], ruler: Ruler) -> list[list[Range]]:
    """Returns rows of ``donors``, cut where that fills them."""
    waiting = iter(donors)
    pieces = np.array(list(itertools.islice(waiting, MAX_OPEN)), dtype=np.int64)
    first = np.zeros(len(pieces), dtype=np.int64)
    rows: list[list[Range]] = []
    while len(pieces):
        row: list[Range] = []
        room, room_images = ruler.limits.positions, ruler.limits.images
        while len(pieces):
            chosen = _choose(pieces, first, room, room_images, ruler)
            if chosen is None:
                break
            number, last, length, images = chosen
            row.append(Range(int(pieces[number]), int(first[number]), last))
            room, room_images = room - length, room_images - images
            if last < ruler.end:
                first[number] = last
                continue
            following = next(waiting, None)
            if following is None:
                pieces, first = np.delete(pieces, number), np.delete(first, number)
            else:
                pieces[number], first[number] = following, 0
        rows.append(row)
    return rows


def _choose(
    pieces: np.ndarray, first: np.ndarray, room: int, room_images: int, ruler: Ruler
) -> tuple[int, int, int, int] | None:
    """Returns the best part of one of ``pieces`` for what is left of a row; None where none fits.

    The longest rest of a document that can be followed by a part which fills the row; else the longest part that can;
    else the one that leaves least with the part that follows.

    Returns:
        Which piece, the cut at which the part ends, and its positions and images.
    """
    positions = ruler.limits.positions
    lengths, images = ruler.lengths(pieces, first)
    is_rest = (images == images[:, -1:]) & (lengths == lengths[:, -1:])
    is_cut = np.minimum(lengths, lengths[:, -1:] - lengths) >= positions * SMALLEST_PART
    fits = (lengths <= room) & (images <= room_images) & (is_cut | is_rest)
    # A part from a cut to itself is none.
    fits &= np.arange(lengths.shape[1])[None, :] > first[:, None]
    if not fits.any():
        return None
    waste = np.where(fits, _waste(room - lengths, np.sort(lengths[fits])), positions)
    is_neat = waste <= positions * TOLERANCE
    if is_neat.any():
        best = int(np.argmax(np.where(is_neat, lengths + is_rest * positions, -1)))
    else:
        best = int(np.argmin(waste))
    number, last = divmod(best, lengths.shape[1])
    end = ruler.end if is_rest[number, last] else last
    return number, end, int(lengths[number, last]), int(images[number, last])


def _waste(left: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Returns what stays empty of each of ``left`` when the best of ``parts`` follows; 0 where all of them fit.

    Args:
        left: What is left of a row.
        parts: Lengths, sorted.
    """
    following = np.searchsorted(parts, left, side="right")
    return np.where(following == len(parts), 0, left - np.concatenate(([0], parts))[following])
