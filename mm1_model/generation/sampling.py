"""From logits to the next token.

Legend: B sequences, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """How the next token is chosen, and when a text ends."""

    max_new_tokens: int = 64

    temperature: float = 0.0
    """0 takes the likeliest token (MM1's evaluation is greedy)."""

    top_k: int | None = None
    """Only the k likeliest tokens stay."""

    top_p: float = 1.0
    """Only the likeliest tokens that together reach this probability stay (arXiv 1904.09751)."""

    seed: int = 0
    """Of the draws, when ``temperature`` is not 0."""

    stop: tuple[str, ...] = ()
    """A text ends before the first of these."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
        if "" in self.stop:
            raise ValueError("a stop string must not be empty")


def next_tokens(logits_BV: Tensor, settings: SamplingSettings, generator: torch.Generator) -> Tensor:
    """Returns ``(B,)`` int64. Draws are made on the CPU, so that devices agree."""
    if settings.temperature == 0:
        return logits_BV.argmax(dim=1)
    allowed_BV = keep_likely(logits_BV / settings.temperature, settings.top_k, settings.top_p)
    probabilities_BV = allowed_BV.softmax(dim=1).cpu()
    drawn_B1 = torch.multinomial(probabilities_BV, 1, generator=generator)
    return drawn_B1.squeeze(1).to(logits_BV.device)


def keep_likely(logits_BV: Tensor, top_k: int | None, top_p: float) -> Tensor:
    """Returns the logits, minus infinity where a token is not among the likely ones.

    The token that crosses ``top_p`` stays, so at least one does.
    """
    ordered_BV, order_BV = logits_BV.sort(dim=1, descending=True, stable=True)
    probabilities_BV = ordered_BV.softmax(dim=1)
    before_BV = probabilities_BV.cumsum(dim=1) - probabilities_BV
    dropped_BV = before_BV >= top_p
    if top_k is not None:
        dropped_BV[:, top_k:] = True
    ordered_BV = ordered_BV.masked_fill(dropped_BV, -torch.inf)
    return torch.empty_like(logits_BV).scatter(1, order_BV, ordered_BV)
