"""Packing: nothing lost, no limit broken, little wasted."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mix.pack import pack

SIZES = st.lists(st.tuples(st.integers(1, 100), st.integers(0, 5)), max_size=80)


def web_documents(count: int, seed: int = 3) -> list[tuple[int, int]]:
    """Lognormal text of about 900 tokens and about two images a document, as OBELICS reports."""
    rng = random.Random(seed)
    sizes = []
    for _ in range(count):
        images = min(16, 1 + int(rng.expovariate(1 / 1.2)))
        sizes.append((min(4096, int(rng.lognormvariate(6.4, 1.0)) + 2 + 144 * images), images))
    return sizes


@settings(max_examples=200, deadline=None)
@given(SIZES)
def test_every_sample_is_in_one_row_and_no_row_breaks_a_limit(sizes: list[tuple[int, int]]) -> None:
    rows = pack(sizes, positions=100, images=5)

    assert sorted(index for row in rows for index in row) == list(range(len(sizes)))
    for row in rows:
        assert sum(sizes[i][0] for i in row) <= 100
        assert sum(sizes[i][1] for i in row) <= 5


def test_two_limits_by_hand() -> None:
    # Two of 6 positions cannot share a row of 10; a 4 fits beside each, and the images allow it only once.
    assert pack([(6, 1), (6, 2), (4, 1), (4, 0)], positions=10, images=2) == [[1, 3], [0, 2]]


def test_web_documents_leave_less_than_two_percent_empty() -> None:
    sizes = web_documents(8000)
    rows = pack(sizes, positions=4096, images=16)

    assert 1 - sum(length for length, _ in sizes) / (4096 * len(rows)) < 0.02


def test_texts_leave_less_than_two_percent_empty() -> None:
    rng = random.Random(5)
    sizes = [(min(4096, int(rng.lognormvariate(6.5, 1.0)) + 2), 0) for _ in range(8000)]
    rows = pack(sizes, positions=4096, images=16)

    assert 1 - sum(length for length, _ in sizes) / (4096 * len(rows)) < 0.02


def test_captions_need_no_more_rows_than_the_image_cap_asks_for() -> None:
    rng = random.Random(6)
    sizes = [(146 + rng.randrange(5, 60), 1) for _ in range(1000)]

    assert len(pack(sizes, positions=4096, images=16)) == -(-1000 // 16)


def test_a_sample_that_fits_nowhere_is_named() -> None:
    with pytest.raises(ValueError, match="sample 1 of 101 positions and 0 images fits in no row"):
        pack([(5, 0), (101, 0)], positions=100, images=5)
