from hypothesis import given
from hypothesis import strategies as st

from pipelines.joins.chunks import LARGEST, batched, plan_chunks
from schemas.summary import PartRecord


def part(rows: int) -> PartRecord:
    return PartRecord(table="", path="p", rows=rows, n_bytes=1, sha256="")


def test_chunks_hold_whole_batches_and_never_cross_a_part() -> None:
    plan = plan_chunks([part(300), part(5)], ["a", "b"], multiple=4)

    # 305 rows in 64 work items are 5 rows each, which is 8 in batches of 4.
    assert plan.rows_per_chunk == 8
    assert [(c.path, c.start, c.stop) for c in plan.chunks][-3:] == [("a", 288, 296), ("a", 296, 300), ("b", 0, 5)]
    assert len(plan.chunks) == 39


def test_a_chunk_is_never_larger_than_what_is_worth_doing_again() -> None:
    plan = plan_chunks([part(10_000_000)], ["a"], multiple=32)

    assert plan.rows_per_chunk == LARGEST


@given(st.lists(st.integers(0, 500), max_size=5), st.integers(1, 7))
def test_a_row_is_located_where_its_chunk_holds_it(rows: list[int], multiple: int) -> None:
    plan = plan_chunks([part(n) for n in rows], [str(n) for n in range(len(rows))], multiple)

    assert sum(chunk.stop - chunk.start for chunk in plan.chunks) == sum(rows)
    for number, n in enumerate(rows):
        for row in range(n):
            index, place = plan.locate(number, row)
            assert (plan.chunks[index].part, plan.chunks[index].start + place) == (number, row)


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batched(iter(range(7)), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
