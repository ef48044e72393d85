"""Pixels as the towers expect them.

Legend: N images, C 3 channels, H and W the side of the input in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def normalise(images_NCHW: Tensor, mean: tuple[float, ...], std: tuple[float, ...], dtype: torch.dtype) -> Tensor:
    """Returns ``(pixel / 255 - mean) / std`` for uint8 RGB, computed in float32."""
    if images_NCHW.dtype != torch.uint8:
        raise ValueError(f"images must be uint8 RGB in [0, 255], got {images_NCHW.dtype}")
    shape = (1, -1, 1, 1)
    mean_C = torch.tensor(mean, device=images_NCHW.device).view(shape)
    std_C = torch.tensor(std, device=images_NCHW.device).view(shape)
    return ((images_NCHW.float() / 255.0 - mean_C) / std_C).to(dtype)
