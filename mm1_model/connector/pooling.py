"""Connectors that pool: by the mean of a neighbourhood, or by learned queries (MM1 section 3.1).

Legend: B images, P patches, V visual tokens, E the tower's width, D the decoder's width, H and W
sides of the grid, C channels inside.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mm1_model.config import ConnectorConfig
from mm1_model.connector.grid import from_grid, to_grid


class AveragePool(nn.Module):
    """Means over an even division of the grid, then one matrix (Emu2, arXiv 2312.13286).

    The division is adaptive: from 27 x 27 patches to 12 x 12 tokens some cells are 2 and some 3
    patches wide.
    """

    def __init__(self, side: int, input_size: int, output_size: int) -> None:
        super().__init__()
        self.side = side
        self.projection = nn.Linear(input_size, output_size)

    def forward(self, patches_BPE: Tensor) -> Tensor:
        """Maps ``(B, P, E)`` to ``(B, V, D)``."""
        pooled_BEHW = F.adaptive_avg_pool2d(to_grid(patches_BPE), self.side)
        tokens_BVD: Tensor = self.projection(from_grid(pooled_BEHW))
        return tokens_BVD


class AttentionPool(nn.Module):
    """Learned queries look at all patches once (CoCa, arXiv 2205.01917, section 3.2)."""

    def __init__(self, config: ConnectorConfig, input_size: int, output_size: int) -> None:
        super().__init__()
        channels = config.hidden_size
        self.num_heads = config.num_heads
        self.queries_VC = nn.Parameter(torch.empty(config.num_tokens, channels))
        self.query_norm = nn.LayerNorm(channels)
        self.patch_norm = nn.LayerNorm(input_size)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(input_size, channels)
        self.value = nn.Linear(input_size, channels)
        self.projection = nn.Linear(channels, output_size)

    def reset_parameters(self) -> None:
        """Draws the queries; the other parts know their own beginning."""
        nn.init.trunc_normal_(self.queries_VC, std=0.02)

    def forward(self, patches_BPE: Tensor) -> Tensor:
        """Maps ``(B, P, E)`` to ``(B, V, D)``."""
        normed_BPE = self.patch_norm(patches_BPE)
        queries_VC = self.query(self.query_norm(self.queries_VC))
        mixed = F.scaled_dot_product_attention(
            self._heads(queries_VC.expand(len(patches_BPE), -1, -1)),
            self._heads(self.key(normed_BPE)),
            self._heads(self.value(normed_BPE)),
        )
        tokens_BVD: Tensor = self.projection(mixed.transpose(1, 2).flatten(2))
        return tokens_BVD

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.num_heads, -1).transpose(1, 2)
