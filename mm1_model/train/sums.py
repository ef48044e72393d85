"""What a step or a held-out pass adds up, over micro-batches and over ranks."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from mm1_model.batch import PackedBatch
from mm1_model.model import ModelOutput
from mm1_model.train.distributed import Ranks
from schemas.digests import keyed_digest
from schemas.samples import SampleKind

KINDS = tuple(kind.value for kind in SampleKind)
_DIGEST_BITS = 39
"""Of a sample's digest: 10,000 of them add up to less than 2**53, so a float64 sum is exact in any order."""


@dataclass(slots=True)
class Sums:
    """Sums of one rank, then of all. All are float64 when they travel, so counts are exact up to 2**53."""

    loss: float = 0.0
    """Nats, over all positions with a loss; without z-loss and router losses."""

    z_loss: float = 0.0
    router_loss: float = 0.0
    """Times loss tokens, so that a micro-batch counts by its size."""

    loss_tokens: float = 0
    tokens: float = 0
    """Positions, of text and of images."""

    squares: float = 0
    """Of the samples' lengths: what attention costs."""

    images: float = 0
    encoded: float = 0
    """Images that went through the tower: the black one of a micro-batch without images too."""

    samples: float = 0
    samples_digest: float = 0
    """Of the keys of all samples, in any order."""

    wait_s: float = 0.0
    stop_requests: float = 0
    loss_by_kind: list[float] = field(default_factory=lambda: [0.0] * len(KINDS))
    loss_tokens_by_kind: list[float] = field(default_factory=lambda: [0.0] * len(KINDS))

    def over_ranks(self, ranks: Ranks) -> "Sums":
        """Returns the sums over all ranks; all must call it."""
        names = [f.name for f in fields(self) if not f.name.endswith("_by_kind")]
        values = ranks.sum([*(getattr(self, name) for name in names), *self.loss_by_kind, *self.loss_tokens_by_kind])
        by_kind = values[len(names) :]
        return Sums(
            **dict(zip(names, values, strict=False)),
            loss_by_kind=by_kind[: len(KINDS)],
            loss_tokens_by_kind=by_kind[len(KINDS) :],
        )

    def mean_loss(self) -> float:
        """Returns nats a loss token; NaN where there is none."""
        return self.loss / self.loss_tokens if self.loss_tokens else float("nan")

    def mean_loss_by_kind(self) -> dict[str, float]:
        """Returns nats a loss token of each kind that occurs."""
        rows = zip(KINDS, self.loss_by_kind, self.loss_tokens_by_kind, strict=True)
        return {kind: loss / count for kind, loss, count in rows if count}


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """What is kept of a micro-batch until its numbers are read, which waits for the device."""

    cross_entropy_sum: Tensor
    z_loss_sum: Tensor
    router_loss: Tensor
    losses_T: Tensor
    loss_mask_T: Tensor
    lengths_S: Tensor
    num_images: int
    keys: tuple[str, ...]
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, batch: PackedBatch, output: ModelOutput) -> "MicroBatch":
        """Keeps the numbers and lets go of pictures and graph; ``batch`` is on the CPU."""
        return cls(
            cross_entropy_sum=output.cross_entropy_sum.detach(),
            z_loss_sum=output.z_loss_sum.detach(),
            router_loss=output.router_loss.detach(),
            losses_T=output.losses_T.detach(),
            loss_mask_T=batch.loss_mask_T,
            lengths_S=batch.cu_seqlens.diff().to(torch.int64),
            num_images=batch.num_images,
            keys=batch.keys,
            kinds=batch.kinds,
        )


def add_up(micro_batches: Iterable[MicroBatch]) -> Sums:
    """Returns the sums of one rank."""
    sums = Sums()
    for micro in micro_batches:
        loss_tokens = int(micro.loss_mask_T.sum())
        sums.loss += float(micro.cross_entropy_sum)
        sums.z_loss += float(micro.z_loss_sum)
        sums.router_loss += float(micro.router_loss) * loss_tokens
        sums.loss_tokens += loss_tokens
        sums.tokens += len(micro.loss_mask_T)
        sums.squares += int(micro.lengths_S.square().sum())
        sums.images += micro.num_images
        sums.encoded += max(micro.num_images, 1)
        sums.samples += len(micro.lengths_S)
        sums.samples_digest += sum(sample_digest(key) for key in micro.keys)
        if micro.kinds:
            _add_kinds(sums, micro)
    return sums


def sample_digest(key: str) -> int:
    """Returns the part of a sample in ``samples_digest``."""
    return int(keyed_digest("sample order", key, size=8), 16) >> (64 - _DIGEST_BITS)


def _add_kinds(sums: Sums, micro: MicroBatch) -> None:
    kinds_S = torch.tensor([KINDS.index(kind) for kind in micro.kinds])
    kinds_T = torch.repeat_interleave(kinds_S, micro.lengths_S)
    losses_T = micro.losses_T.to("cpu", torch.float64)
    loss = torch.bincount(kinds_T, weights=losses_T, minlength=len(KINDS)).tolist()
    count = torch.bincount(kinds_T[micro.loss_mask_T], minlength=len(KINDS)).tolist()
    sums.loss_by_kind = [a + b for a, b in zip(sums.loss_by_kind, loss, strict=True)]
    sums.loss_tokens_by_kind = [a + b for a, b in zip(sums.loss_tokens_by_kind, count, strict=True)]
