import threading
from collections.abc import Sequence
from typing import cast

import pytest
import torch

from mm1_model.batch import PackedBatch
from mm1_model.train.distributed import Ranks
from mm1_model.train.feed import Slice, read_ahead
from mm1_model.train.holdout import holdout_share


def positions(step: int, *, world_size: int, micro_rows: int = 2) -> list[int]:
    """Returns what all ranks read in a step, rank after rank."""
    return [
        position
        for rank in range(world_size)
        for micro in Slice(rows_per_step=12, micro_rows=micro_rows, rank=rank, world_size=world_size).micro_batches(
            step
        )
        for position in micro
    ]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6, 12])
def test_any_number_of_ranks_reads_the_same_rows_in_the_same_order(world_size: int) -> None:
    assert positions(5, world_size=world_size) == list(range(60, 72))


def test_ranks_have_as_many_micro_batches_even_where_the_last_is_smaller() -> None:
    lengths = [
        [len(m) for m in Slice(rows_per_step=10, micro_rows=3, rank=rank, world_size=2).micro_batches(0)]
        for rank in range(2)
    ]

    assert lengths == [[3, 2], [3, 2]]


def test_rows_that_ranks_cannot_share_evenly_are_refused() -> None:
    with pytest.raises(ValueError, match="rows_per_step: 10 is not divisible by 4 ranks"):
        Slice(rows_per_step=10, micro_rows=1, rank=0, world_size=4)


def fake_read(request: Sequence[int]) -> PackedBatch:
    """Stands where reading belongs: the batch is what was asked for."""
    return cast("PackedBatch", tuple(request))


def requested(batch: PackedBatch) -> tuple[int, ...]:
    return cast("tuple[int, ...]", batch)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order_whoever_reads_them(workers: int) -> None:
    requests = [[n] for n in range(20)]

    batches = list(read_ahead(fake_read, iter(requests), workers=workers, ahead=4))

    assert [requested(batch) for batch in batches] == [(n,) for n in range(20)]


def test_no_more_is_read_than_is_asked_to_be_kept_ready() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def read(request: Sequence[int]) -> PackedBatch:
        with lock:
            begun.append(request[0])
        return fake_read(request)

    batches = read_ahead(read, ([n] for n in range(100)), workers=2, ahead=3)
    first = next(batches)
    batches.close()

    assert requested(first) == (0,)
    assert sorted(begun) == list(range(len(begun)))
    assert len(begun) <= 3


def test_an_error_comes_where_its_batch_would_have() -> None:
    def read(request: Sequence[int]) -> PackedBatch:
        if request[0] == 2:
            raise ValueError("row 2")
        return fake_read(request)

    batches = read_ahead(read, ([n] for n in range(9)), workers=3, ahead=6)

    assert [requested(next(batches)), requested(next(batches))] == [(0,), (1,)]
    with pytest.raises(ValueError, match="row 2"):
        next(batches)


@pytest.mark.parametrize(("rows", "world_size", "micro_rows"), [(5, 2, 1), (5, 2, 2), (7, 3, 2), (1, 4, 2), (8, 1, 3)])
def test_every_held_out_row_counts_once_and_ranks_have_as_many_groups(
    rows: int, world_size: int, micro_rows: int
) -> None:
    shares = [
        holdout_share(
            range(100, 100 + rows), Ranks(rank=r, world_size=world_size, device=torch.device("cpu")), micro_rows
        )
        for r in range(world_size)
    ]

    counted = sorted(row for share in shares for group, counts in share if counts for row in group)
    assert counted == list(range(100, 100 + rows))
    assert len({len(share) for share in shares}) == 1
    assert all(0 < len(group) <= micro_rows for share in shares for group, _ in share)
