"""Hamming neighbours by bands against the comparison of all pairs."""

import random
from collections import Counter, defaultdict

import pytest

from pipelines.dedup.images.neighbours import LARGE_GROUP, band_keys, band_masks, neighbour_counts


def planted_hashes(radius: int, seed: int) -> dict[int, int]:
    """Returns hashes with occurrences: random ones, and around some of them others at all small distances."""
    rng = random.Random(seed)
    hashes = {0: 1, (1 << 64) - 1: 2}
    for _ in range(60):
        centre = rng.getrandbits(64)
        hashes[centre] = rng.randint(1, 5)
        for distance in range(0, radius + 3, 2):
            flipped = centre
            for bit in rng.sample(range(64), distance):
                flipped ^= 1 << bit
            hashes[flipped] = rng.randint(1, 5)
    return hashes


def by_bands(hashes: dict[int, int], radius: int) -> Counter[int]:
    groups: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for value, n in hashes.items():
        for key in band_keys(value, radius):
            groups[key][value] = n
    totals: Counter[int] = Counter()
    for (band, _), members in groups.items():
        for value, n in neighbour_counts(members, band, radius):
            totals[value] += n
    return totals


def by_all_pairs(hashes: dict[int, int], radius: int) -> dict[int, int]:
    return {value: sum(n for other, n in hashes.items() if (value ^ other).bit_count() <= radius) for value in hashes}


@pytest.mark.parametrize("radius", [0, 1, 4, 10, 31])
def test_bands_find_exactly_the_neighbours_that_all_pairs_find(radius: int) -> None:
    hashes = planted_hashes(radius, seed=radius)

    assert by_bands(hashes, radius) == by_all_pairs(hashes, radius)


@pytest.mark.parametrize("radius", [0, 3, 10, 31])
def test_the_bands_cover_all_bits_once(radius: int) -> None:
    masks = band_masks(radius)

    assert len(masks) == radius + 1
    assert sum(masks) == (1 << 64) - 1
    assert max(mask.bit_count() for mask in masks) - min(mask.bit_count() for mask in masks) <= 1


def test_a_group_larger_than_a_block_is_compared_whole() -> None:
    # All within 2 bits of one another, and equal in band 0 of radius 10, which is bits 0 to 4.
    hashes = {(1 << a) | (1 << 40): 1 for a in range(6, 40)} | {1 << 50: 1}
    crowd = {value << 5: 1 for value in range(10_000)}

    assert dict(neighbour_counts(hashes, 0, 10))[1 << 50] == 35
    assert dict(neighbour_counts(crowd, 0, 0)) == crowd


def test_a_hundred_thousand_hashes_all_alike_are_counted_as_far_as_needed() -> None:
    # Two bits each of the upper 59, on one centre: every pair is within 4 bits, and all share band 0.
    alike = {(1 << a | 1 << b | 1 << c): 1 for a in range(5, 64) for b in range(a) if b > 4 for c in range(b) if c > 4}
    assert len(alike) > LARGE_GROUP - 400
    crowd = alike | {value << 5: 1 for value in range(1000)}

    counts = dict(neighbour_counts(crowd, 0, 10, enough=10))

    assert all(counts[value] > 10 for value in alike)
