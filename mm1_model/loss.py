"""The output projection and the loss, in chunks: full logits would be the largest tensor by far.

Legend: N positions with a loss, D the decoder's width, V the vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CHUNK_POSITIONS = 1024
"""Positions whose logits exist at one time: 1,024 of 100,000 float32 are 0.4 GB."""


class TokenLosses(NamedTuple):
    """Two numbers for each position with a loss, float32."""

    cross_entropy_N: Tensor
    log_partition_N: Tensor
    """``logsumexp(logits)``; its square is the z-loss (arXiv 2204.02311, section 5)."""


class LanguageHead(nn.Module):
    """The last norm and the projection to the vocabulary."""

    def __init__(self, hidden_size: int, vocab_size: int, *, eps: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(hidden_size, eps=eps)
        self.projection = nn.Linear(hidden_size, vocab_size, bias=False)

    def forward(self, hidden_ND: Tensor, targets_N: Tensor) -> TokenLosses:
        """Returns the losses of ``targets_N (N,)`` int64 under the logits of ``hidden_ND``.

        The logits of a chunk are computed again in the backward pass instead of being kept.
        """
        normed_ND = self.norm(hidden_ND)
        if normed_ND.shape[0] == 0:
            # Keeps the graph whole: all ranks must reach the same parameters in backward.
            nothing = (self.projection(normed_ND).sum() + normed_ND.sum()).float()
            return TokenLosses(nothing.expand(1)[:0], nothing.expand(1)[:0])
        chunks = [
            checkpoint(self._losses, hidden, targets, use_reentrant=False)
            for hidden, targets in zip(
                torch.split(normed_ND, CHUNK_POSITIONS), torch.split(targets_N, CHUNK_POSITIONS), strict=True
            )
        ]
        return TokenLosses(torch.cat([c[0] for c in chunks]), torch.cat([c[1] for c in chunks]))

    def logits(self, hidden_ND: Tensor) -> Tensor:
        """Returns ``(N, V)`` float32 logits, for generation and evaluation."""
        return self._project(self.norm(hidden_ND))

    def _project(self, normed_ND: Tensor) -> Tensor:
        logits_NV: Tensor = self.projection(normed_ND)
        return logits_NV.float()

    def _losses(self, normed_ND: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
        logits_NV = self._project(normed_ND)
        log_partition_N = torch.logsumexp(logits_NV, dim=1)
        target_logits_N = logits_NV.gather(1, targets_N.unsqueeze(1)).squeeze(1)
        return log_partition_N - target_logits_N, log_partition_N
