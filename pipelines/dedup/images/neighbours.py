"""Near-duplicates among 64-bit hashes: exact within a Hamming radius, by bands.

Two hashes that differ in at most ``r`` bits are equal in at least one of ``r + 1`` bands of bits (the pigeonhole
principle; Norouzi, Punjani and Fleet 2012, arXiv 1307.2982, section 3), so comparing the members of each band's groups
finds every pair. A pair that is equal in several bands is counted in the first of them.
"""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

NUM_BITS = 64
ROWS, COLUMNS = 1 << 9, 1 << 13
"""Hashes that are compared with so many others at one time: bounds memory."""

LARGE_GROUP = 1 << 15
"""In a group of more hashes a hash that has been found often enough is counted no further: bounds the time that many
images that are all alike would take."""


def band_masks(radius: int) -> list[int]:
    """Returns the bit masks of the ``radius + 1`` bands, as even in width as they can be."""
    count = radius + 1
    bounds = [NUM_BITS * band // count for band in range(count + 1)]
    return [(1 << end) - (1 << start) for start, end in itertools.pairwise(bounds)]


def band_keys(value: int, radius: int) -> Iterator[tuple[int, int]]:
    """Yields ``(band, its bits in place)`` of a hash: two hashes with an equal key belong to one group."""
    for band, mask in enumerate(band_masks(radius)):
        yield band, value & mask


def neighbour_counts(
    counts: Mapping[int, int], band: int, radius: int, enough: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yields ``(hash, occurrences to be added to it)`` for the pairs of one band's group.

    A hash itself is counted in the group of band 0. Over all groups the sums are the occurrences of all hashes within
    the radius, itself included.

    Args:
        counts: Hash to its own number of occurrences; all equal in the bits of ``band``.
        band: Number of the band.
        radius: Largest number of differing bits.
        enough: In a group of more than ``LARGE_GROUP`` hashes, a sum over this is a lower bound; None: never.
    """
    ordered = sorted(counts)
    hashes = np.array(ordered, dtype=np.uint64)
    weights = np.array([counts[value] for value in ordered], dtype=np.int64)
    earlier = [np.uint64(mask) for mask in band_masks(radius)[:band]]
    limit = enough if enough is not None and len(ordered) > LARGE_GROUP else None
    for start in range(0, len(ordered), ROWS):
        added = _count_rows(hashes[start : start + ROWS], hashes, weights, earlier=earlier, radius=radius, limit=limit)
        for value, n in zip(ordered[start : start + ROWS], added.tolist(), strict=True):
            if n:
                yield value, n


def _count_rows(
    rows: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    weights: NDArray[np.int64],
    *,
    earlier: list[np.uint64],
    radius: int,
    limit: int | None,
) -> NDArray[np.int64]:
    """Returns ``(rows,)``: the weights of what is near each row, as far as ``limit`` asks."""
    added = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(hashes), COLUMNS):
        open_rows = np.flatnonzero(added <= limit) if limit is not None else np.arange(len(rows))
        if not len(open_rows):
            break
        near = _near(rows[open_rows], hashes[start : start + COLUMNS], earlier, radius)
        added[open_rows] += near @ weights[start : start + COLUMNS]
    return added


def _near(
    rows: NDArray[np.uint64], hashes: NDArray[np.uint64], earlier: list[np.uint64], radius: int
) -> NDArray[np.bool_]:
    """Returns ``(rows, hashes)``: which pairs are within the radius and differ in all earlier bands."""
    different = rows[:, None] ^ hashes[None, :]
    near: NDArray[np.bool_] = np.bitwise_count(different) <= radius
    for mask in earlier:
        near &= (different & mask) != 0
    return near
