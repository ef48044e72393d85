"""Connectors without pooling: a visual token a patch (LLaVA, arXiv 2304.08485 and 2310.03744).

Legend: B images, P patches, E the tower's width, D the decoder's width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class LinearProjection(nn.Module):
    """One matrix (LLaVA)."""

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, output_size)

    def forward(self, patches_BPE: Tensor) -> Tensor:
        """Maps ``(B, P, E)`` to ``(B, P, D)``."""
        tokens_BPD: Tensor = self.projection(patches_BPE)
        return tokens_BPD


class MlpProjection(nn.Module):
    """Two layers with a GELU between them (LLaVA 1.5)."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_size, hidden_size)
        self.output = nn.Linear(hidden_size, output_size)

    def forward(self, patches_BPE: Tensor) -> Tensor:
        """Maps ``(B, P, E)`` to ``(B, P, D)``."""
        tokens_BPD: Tensor = self.output(F.gelu(self.hidden(patches_BPE)))
        return tokens_BPD
