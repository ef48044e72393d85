"""SwiGLU, the feed-forward part of a dense decoder layer (arXiv 2002.05202).

Legend: T positions, D the model's width, F the width inside.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))``."""

    def __init__(self, hidden_size: int, intermediate_size: int, *, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden_size, intermediate_size, bias=bias)
        self.up = nn.Linear(hidden_size, intermediate_size, bias=bias)
        self.down = nn.Linear(intermediate_size, hidden_size, bias=bias)

    def forward(self, x_TD: Tensor) -> Tensor:
        """Maps ``(T, D)`` to ``(T, D)``."""
        out_TD: Tensor = self.down(F.silu(self.gate(x_TD)) * self.up(x_TD))
        return out_TD
