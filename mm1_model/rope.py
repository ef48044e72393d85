"""Rotary position embedding (RoFormer, arXiv 2104.09864), with the halves rotated as Llama does.

Legend: T positions, H heads, D features of a head.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mm1_model.config import RopeScaling


class Rotation(NamedTuple):
    """The angles of a sequence's positions: made once a forward, shared by all layers."""

    cosines_TD: Tensor
    sines_TD: Tensor


def inverse_frequencies(
    head_dim: int, theta: float, scaling: RopeScaling | None, device: torch.device | None = None
) -> Tensor:
    """Returns ``(head_dim / 2,)`` float32: ``theta ** (-2 i / head_dim)`` (equation 15).

    With ``scaling`` the frequencies whose wave is longer than the original context are divided by
    its factor, those much shorter stay, and a linear blend joins the two (Llama 3.1).
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=device) / head_dim
    frequencies = 1.0 / theta**exponents
    if scaling is None:
        return frequencies
    waves_per_context = scaling.original_max_positions * frequencies / (2 * math.pi)
    span = scaling.high_frequency_factor - scaling.low_frequency_factor
    blend = ((waves_per_context - scaling.low_frequency_factor) / span).clamp(0.0, 1.0)
    return blend * frequencies + (1.0 - blend) * frequencies / scaling.factor


def rotation(positions_T: Tensor, frequencies: Tensor, dtype: torch.dtype) -> Rotation:
    """Returns the cosines and sines of ``position * frequency``, each ``(T, D)``.

    The angles are taken in float32: in bfloat16 positions above 256 would collide.
    """
    angles_TF = positions_T.to(torch.float32).unsqueeze(1) * frequencies
    angles_TD = torch.cat((angles_TF, angles_TF), dim=1)
    return Rotation(angles_TD.cos().to(dtype), angles_TD.sin().to(dtype))


def rotate(heads_THD: Tensor, turn: Rotation) -> Tensor:
    """Turns feature i and feature ``i + D / 2`` of each head as one plane, by the token's angle."""
    first, second = heads_THD.chunk(2, dim=-1)
    quarter_turn_THD = torch.cat((-second, first), dim=-1)
    return heads_THD * turn.cosines_TD.unsqueeze(1) + quarter_turn_THD * turn.sines_TD.unsqueeze(1)
