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
BLOCK = 1 << 11
"""Hashes that are compared with all others of a group at one time: bounds memory."""


def band_masks(radius: int) -> list[int]:
    """Returns the bit masks of the ``radius + 1`` bands, as even in width as they can be."""
    count = radius + 1
    bounds = [NUM_BITS * band // count for band in range(count + 1)]
    return [(1 << end) - (1 << start) for start, end in itertools.pairwise(bounds)]


def band_keys(value: int, radius: int) -> Iterator[tuple[int, int]]:
    """Yields ``(band, its bits in place)`` of a hash: two hashes with an equal key belong to one group."""
    for band, mask in enumerate(band_masks(radius)):
        yield band, value & mask


def neighbour_counts(counts: Mapping[int, int], band: int, radius: int) -> Iterator[tuple[int, int]]:
    """Yields ``(hash, occurrences to be added to it)`` for the pairs of one band's group.

    A hash itself is counted in the group of band 0. Over all groups the sums are the occurrences of all hashes within
    the radius, itself included.

    Args:
        counts: Hash to its own number of occurrences; all equal in the bits of ``band``.
        band: Number of the band.
        radius: Largest number of differing bits.
    """
    ordered = sorted(counts)
    hashes = np.array(ordered, dtype=np.uint64)
    weights = np.array([counts[value] for value in ordered], dtype=np.int64)
    earlier = [np.uint64(mask) for mask in band_masks(radius)[:band]]
    for start in range(0, len(ordered), BLOCK):
        added = _near(hashes[start : start + BLOCK], hashes, earlier, radius) @ weights
        if band:
            # Equal hashes are equal in band 0 already.
            yield from _positive(ordered[start : start + BLOCK], added)
        else:
            yield from zip(ordered[start : start + BLOCK], added.tolist(), strict=True)


def _near(
    rows: NDArray[np.uint64], hashes: NDArray[np.uint64], earlier: list[np.uint64], radius: int
) -> NDArray[np.bool_]:
    """Returns ``(rows, hashes)``: which pairs are within the radius and differ in all earlier bands."""
    different = rows[:, None] ^ hashes[None, :]
    near: NDArray[np.bool_] = np.bitwise_count(different) <= radius
    for mask in earlier:
        near &= (different & mask) != 0
    return near


def _positive(hashes: list[int], added: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    for value, n in zip(hashes, added.tolist(), strict=True):
        if n:
            yield value, n
