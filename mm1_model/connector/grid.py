"""A row of patches as the square picture it came from.

Legend: B images, P patches, E features, H and W the sides of the grid.
"""

from __future__ import annotations

import math

from torch import Tensor


def to_grid(patches_BPE: Tensor) -> Tensor:
    """Returns ``(B, E, H, W)``, H = W.

    Raises:
        ValueError: P is no perfect square.
    """
    num_images, num_patches, width = patches_BPE.shape
    side = math.isqrt(num_patches)
    if side**2 != num_patches:
        raise ValueError(f"expected a square grid of patches, got {num_patches} patches; was the class token left in?")
    return patches_BPE.transpose(1, 2).reshape(num_images, width, side, side)


def from_grid(grid_BEHW: Tensor) -> Tensor:
    """Returns ``(B, H * W, E)``, row-major."""
    return grid_BEHW.flatten(2).transpose(1, 2)
