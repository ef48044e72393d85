"""The loss on rows that are never trained on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from mm1_model.batch import PackedBatch
from mm1_model.train.distributed import Ranks
from mm1_model.train.sums import MicroBatch, add_up


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutLoss:
    """Nats a loss token."""

    loss: float
    by_kind: dict[str, float]
    rows: int


def holdout_share(rows: range, ranks: Ranks, micro_rows: int) -> list[tuple[Sequence[int], bool]]:
    """Returns this rank's rows, ``micro_rows`` at a time, and whether they count.

    All ranks get as many groups, since a sharded model needs them all in every forward pass: a rank with fewer reads
    the first row again and does not count it.
    """
    mine = rows[ranks.rank :: ranks.world_size]
    groups: list[tuple[Sequence[int], bool]] = [
        (mine[i : i + micro_rows], True) for i in range(0, len(mine), micro_rows)
    ]
    most = -(-len(rows) // ranks.world_size)
    return groups + [(rows[:1], False)] * (-(-most // micro_rows) - len(groups))


@torch.no_grad()
def holdout_loss(
    model: nn.Module,
    batches: Iterable[tuple[PackedBatch, bool]],
    *,
    num_rows: int,
    ranks: Ranks,
    autocast: torch.autocast,
) -> HoldoutLoss:
    """Returns the mean loss over all ranks' batches; all ranks must call it with as many."""
    training = model.training
    model.eval()
    done = list[MicroBatch]()
    for batch, counts in batches:
        with autocast:
            output = model(batch.to(ranks.device))
        if counts:
            done.append(MicroBatch.of(batch, output))
    model.train(training)
    total = add_up(done).over_ranks(ranks)
    return HoldoutLoss(loss=total.mean_loss(), by_kind=total.mean_loss_by_kind(), rows=num_rows)
