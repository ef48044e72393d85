"""The order of the kinds is exact at every prefix, and every row is found by arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.row_order import RowOrder, permute, unpermute
from schemas.samples import SampleKind

MM1 = {"interleaved": 0.45, "caption": 0.45, "text": 0.10}
WEIGHTS = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)).filter(any)


def order_of(parts: tuple[int, int, int]) -> RowOrder:
    return RowOrder({kind.value: part for kind, part in zip(SampleKind, parts, strict=True)})


def test_twenty_rows_of_mm1_hold_nine_nine_and_two() -> None:
    order = RowOrder(MM1)

    assert [order.counts(20)[kind] for kind in SampleKind] == [9, 9, 2]
    # floor(n / 10 + 1/2) grows at the fifth row of each ten; the others take turns.
    assert "".join(order.place(row)[0].value[0] for row in range(20)) == "icicticicicicitcicic"


@settings(max_examples=60, deadline=None)
@given(WEIGHTS)
def test_after_every_row_each_kind_is_within_one_row_of_its_weight(parts: tuple[int, int, int]) -> None:
    order, counts = order_of(parts), dict.fromkeys(SampleKind, 0)

    for row in range(300):
        kind, index = order.place(row)
        assert index == counts[kind]
        counts[kind] += 1
        for part, name in zip(parts, SampleKind, strict=True):
            assert abs(counts[name] - Fraction(part * (row + 1), sum(parts))) < 1


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, st.integers(0, 10**12))
def test_a_row_far_out_is_found_again_from_its_place(parts: tuple[int, int, int], row: int) -> None:
    order = order_of(parts)
    kind, index = order.place(row)

    assert order.row(kind, index) == row


def test_the_mixture_ends_before_the_first_row_that_a_pool_cannot_give() -> None:
    order = RowOrder(MM1)
    pools = {"interleaved": 100, "caption": 100, "text": 3}
    n_rows = order.num_rows(pools)

    assert order.counts(n_rows)[SampleKind.TEXT] == 3
    assert order.place(n_rows) == (SampleKind.TEXT, 3)


def test_repeats_go_on_to_the_end_of_the_longest_pool() -> None:
    order = RowOrder({"interleaved": 0.5, "text": 0.5})
    pools = {"interleaved": 90, "text": 30}

    assert order.counts(order.num_rows(pools, max_repeats=4))[SampleKind.INTERLEAVED] == 90
    assert order.counts(order.num_rows(pools, max_repeats=2))[SampleKind.TEXT] == 60


def test_the_weight_of_an_empty_pool_goes_to_the_others() -> None:
    order = RowOrder(MM1, {"interleaved": 5, "caption": 5, "text": 0})

    assert [order.weights[kind] for kind in SampleKind] == [Fraction(1, 2), Fraction(1, 2), 0]


def test_no_rows_at_all_is_said() -> None:
    with pytest.raises(ValueError, match="no kind of sample has both rows and weight"):
        RowOrder(MM1, {"interleaved": 0, "caption": 0, "text": 0})


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256, 1000])
def test_a_permutation_reaches_every_place_once(size: int) -> None:
    assert sorted(permute(index, size, key="k") for index in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256, 1000])
def test_a_permutation_goes_back(size: int) -> None:
    assert all(unpermute(permute(index, size, key="k"), size, key="k") == index for index in range(size))


def test_a_row_is_found_in_a_later_epoch() -> None:
    order = RowOrder(MM1)

    for position in range(97):
        row = order.epoch_row(position, 97, seed=3, epoch=2)
        assert order.epoch_position(row, 97, seed=3, epoch=2) == position


def test_permutations_of_two_keys_agree_no_more_than_chance() -> None:
    agreeing = sum(permute(i, 1000, key="a") == permute(i, 1000, key="b") for i in range(1000))

    assert agreeing < 10


def test_a_later_epoch_has_the_same_rows_in_another_order_and_the_same_kinds_in_place() -> None:
    order, n_rows = RowOrder(MM1), 400
    first = [order.epoch_row(p, n_rows, seed=1, epoch=0) for p in range(n_rows)]
    second = [order.epoch_row(p, n_rows, seed=1, epoch=1) for p in range(n_rows)]

    assert first == list(range(n_rows))
    assert second != first
    assert sorted(second) == first
    assert [order.place(row)[0] for row in second] == [order.place(row)[0] for row in first]
