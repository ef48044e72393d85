"""The keys and values of what was read, and attention over them.

Legend: B sequences, Q new tokens of each, C capacity in positions, T = B * Q, H query heads, K
key-value heads, D features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mm1_model.attention import PackedAttention
from mm1_model.config import DecoderConfig


class KeyValueCache:
    """Keys and values of B sequences of different lengths, each from position 0 on."""

    def __init__(self, config: DecoderConfig, batch_size: int, capacity: int, like: Tensor) -> None:
        shape = (batch_size, config.num_key_value_heads, capacity, config.head_dim)
        self.keys_BKCD = [like.new_zeros(shape) for _ in range(config.num_layers)]
        self.values_BKCD = [like.new_zeros(shape) for _ in range(config.num_layers)]
        self.lengths_B = torch.zeros(batch_size, dtype=torch.int64, device=like.device)

    @property
    def capacity(self) -> int:
        """C."""
        return self.keys_BKCD[0].shape[2]

    def repeat(self, times: int, capacity: int) -> KeyValueCache:
        """Returns a cache in which each sequence stands ``times`` times in a row."""
        other = object.__new__(KeyValueCache)
        grow = (0, 0, 0, max(0, capacity - self.capacity))
        other.keys_BKCD = [F.pad(k.repeat_interleave(times, 0), grow) for k in self.keys_BKCD]
        other.values_BKCD = [F.pad(v.repeat_interleave(times, 0), grow) for v in self.values_BKCD]
        other.lengths_B = self.lengths_B.repeat_interleave(times, 0)
        return other


@dataclass(slots=True)
class FillingAttention:
    """Attention over packed prompts that keeps their keys and values. For one forward pass."""

    packed: PackedAttention
    cache: KeyValueCache
    sequences_T: Tensor
    """``(T,)`` int64: the sequence of each position."""

    positions_T: Tensor
    layer: int = 0
    """The next layer to ask."""

    def attend(self, q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor) -> Tensor:
        """See ``AttentionContext``."""
        self.cache.keys_BKCD[self.layer][self.sequences_T, :, self.positions_T] = k_TKD
        self.cache.values_BKCD[self.layer][self.sequences_T, :, self.positions_T] = v_TKD
        self.layer += 1
        return self.packed.attend(q_THD, k_TKD, v_TKD)


@dataclass(slots=True)
class ExtendingAttention:
    """Attention of Q new tokens a sequence over what the cache holds, and over themselves.

    For one forward pass.
    """

    cache: KeyValueCache
    positions_BQ: Tensor
    """``(B, Q)`` int64 places of the new tokens."""

    longest: int
    """Positions after this step of the longest sequence: keys beyond are not looked at."""

    layer: int = 0
    """The next layer to ask."""

    def attend(self, q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor) -> Tensor:
        """See ``AttentionContext``. T is ``B * Q``, the tokens of a sequence together."""
        batch_size, num_new = self.positions_BQ.shape
        keys_BKCD = self.cache.keys_BKCD[self.layer]
        values_BKCD = self.cache.values_BKCD[self.layer]
        self.layer += 1
        rows_B1 = torch.arange(batch_size, device=q_THD.device).unsqueeze(1)
        keys_BKCD[rows_B1, :, self.positions_BQ] = k_TKD.view(batch_size, num_new, *k_TKD.shape[1:])
        values_BKCD[rows_B1, :, self.positions_BQ] = v_TKD.view(batch_size, num_new, *v_TKD.shape[1:])
        places_C = torch.arange(self.longest, device=q_THD.device)
        mask_B1QC = (places_C <= self.positions_BQ.unsqueeze(-1)).unsqueeze(1)
        out_BHQD = F.scaled_dot_product_attention(
            q_THD.view(batch_size, num_new, *q_THD.shape[1:]).transpose(1, 2),
            keys_BKCD[:, :, : self.longest],
            values_BKCD[:, :, : self.longest],
            attn_mask=mask_B1QC,
            enable_gqa=q_THD.shape[1] != k_TKD.shape[1],
        )
        return out_BHQD.transpose(1, 2).flatten(0, 1)
