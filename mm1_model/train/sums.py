"""What a step or a held-out pass adds up, over micro-batches and over ranks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

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
    """Sums of one rank, then of all."""

    loss: float = 0.0
    """Nats, over all positions with a loss; without z-loss and router losses."""

    loss_tokens: int = 0
    loss_by_kind: list[float] = field(default_factory=lambda: [0.0] * len(KINDS))
    loss_tokens_by_kind: list[float] = field(default_factory=lambda: [0.0] * len(KINDS))
    z_loss: float = 0.0
    router_loss: float = 0.0
    """Times loss tokens, so that a micro-batch counts by its size."""

    tokens: int = 0
    """Positions, of text and of images."""

    images: int = 0
    samples: int = 0
    wait_s: float = 0.0
    samples_digest: int = 0
    """Of the keys of all samples, in any order."""

    stop_requests: int = 0

    def add(self, batch: PackedBatch, output: ModelOutput, loss_tokens: int) -> None:
        """Adds a micro-batch; ``batch`` is on the CPU."""
        self.loss += float(output.cross_entropy_sum.detach())
        self.loss_tokens += loss_tokens
        self.z_loss += float(output.z_loss_sum.detach())
        self.router_loss += float(output.router_loss.detach()) * loss_tokens
        self.tokens += batch.num_tokens
        self.images += batch.num_images
        self.samples += batch.num_samples
        self.samples_digest += sum(_digest(key) for key in batch.keys)
        if batch.kinds:
            self._add_kinds(batch, output)

    def _add_kinds(self, batch: PackedBatch, output: ModelOutput) -> None:
        kinds_S = torch.tensor([KINDS.index(kind) for kind in batch.kinds])
        kinds_T = torch.repeat_interleave(kinds_S, batch.cu_seqlens.diff().to(torch.int64))
        losses_T = output.losses_T.detach().to("cpu", torch.float64)
        loss = torch.bincount(kinds_T, weights=losses_T, minlength=len(KINDS))
        count = torch.bincount(kinds_T[batch.loss_mask_T], minlength=len(KINDS))
        self.loss_by_kind = [a + b for a, b in zip(self.loss_by_kind, loss.tolist(), strict=True)]
        self.loss_tokens_by_kind = [a + b for a, b in zip(self.loss_tokens_by_kind, count.tolist(), strict=True)]

    def over_ranks(self, ranks: Ranks) -> "Sums":
        """Returns the sums over all ranks; all must call it."""
        values = ranks.sum(
            [
                self.loss, self.loss_tokens, self.z_loss, self.router_loss, self.tokens, self.images, self.samples,
                self.wait_s, self.samples_digest, self.stop_requests, *self.loss_by_kind, *self.loss_tokens_by_kind,
            ]
        )  # fmt: skip
        first, second = 10, 10 + len(KINDS)
        return Sums(
            loss=values[0],
            loss_tokens=int(values[1]),
            z_loss=values[2],
            router_loss=values[3],
            tokens=int(values[4]),
            images=int(values[5]),
            samples=int(values[6]),
            wait_s=values[7],
            samples_digest=int(values[8]),
            stop_requests=int(values[9]),
            loss_by_kind=values[first:second],
            loss_tokens_by_kind=values[second:],
        )

    def mean_loss(self) -> float:
        """Returns nats a loss token; NaN where there is none."""
        return self.loss / self.loss_tokens if self.loss_tokens else float("nan")

    def mean_loss_by_kind(self) -> dict[str, float]:
        """Returns nats a loss token of each kind that occurs."""
        pairs: Sequence[tuple[str, float, float]] = list(
            zip(KINDS, self.loss_by_kind, self.loss_tokens_by_kind, strict=True)
        )
        return {kind: loss / count for kind, loss, count in pairs if count}


def _digest(key: str) -> int:
    return int(keyed_digest("sample order", key, size=8), 16) >> (64 - _DIGEST_BITS)
