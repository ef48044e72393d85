"""Hamming neighbours by bands against the comparison of all pairs."""

import random
from collections import Counter, defaultdict

import pytest

from pipelines.dedup.images.neighbours import band_keys, band_masks, neighbour_counts


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
    crowd = {value << 5: 1 for value in range(5000)}

    assert dict(neighbour_counts(hashes, 0, 10))[1 << 50] == 35
    assert sum(n for _, n in neighbour_counts(crowd, 0, 0)) == 5000
