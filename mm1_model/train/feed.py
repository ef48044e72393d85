"""Which rows a rank trains on, and the micro-batches made of them."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mm1_model.batch import PackedBatch
from mm1_model.data.loader import row_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The rows of a run, as functions of their place. Both functions are called from several threads."""

    train: Callable[[Sequence[int]], PackedBatch]
    """Reads positions of the endless order of training rows."""

    held_out: Callable[[Sequence[int]], PackedBatch]
    """Reads rows of the shards by number."""

    holdout: range
    """The rows that are never trained on."""

    fingerprint: Mapping[str, Any]
    """What names the rows, by dotted name."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """What belongs beside the weights, by name: the tokenizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which positions of the endless order of training rows belong to one rank.

    The rows of a step are the same for any number of ranks (``mm1_model.data.row_numbers``).
    """

    rows_per_step: int
    micro_rows: int
    rank: int
    world_size: int

    def __post_init__(self) -> None:
        if self.rows_per_step % self.world_size:
            raise ValueError(
                f"rows_per_step: {self.rows_per_step} is not divisible by {self.world_size} ranks; every rank must take"
                " as many"
            )

    def micro_batches(self, step: int) -> list[range]:
        """Returns the positions of each micro-batch of this rank in ``step``, as many for every rank."""
        mine = row_numbers(step, self.rank, self.world_size, self.rows_per_step)
        return [mine[i : i + self.micro_rows] for i in range(0, len(mine), self.micro_rows)]


def read_ahead(
    read: Callable[[Sequence[int]], PackedBatch], requests: Iterator[Sequence[int]], *, workers: int, ahead: int
) -> Generator[PackedBatch, None, None]:
    """Yields ``read(request)`` for each request in order, some of them read on threads before they are asked for.

    An error of a reader is raised where its batch would have come. Closing the generator ends the threads.
    """
    if workers == 0:
        yield from map(read, requests)
        return
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="rows") as pool:
        pending: deque[Future[PackedBatch]] = deque()
        try:
            for request in requests:
                pending.append(pool.submit(read, request))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
