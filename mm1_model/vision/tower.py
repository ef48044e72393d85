"""The interface of all image encoders, and linear patches, the simplest one.

Legend: B images, C 3 channels, H and W pixels, P patches, E the tower's width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VisionTower(nn.Module, ABC):
    """Maps normalised pixels to a square grid of patch features."""

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Returns ``(B, P, E)`` last-layer patch features, row-major, without class token.

        Args:
            images_BCHW: normalised pixels at the tower's size.
        """

    @abstractmethod
    def resize(self, image_size: int) -> None:
        """Makes the tower take ``image_size``: positions are interpolated (MM1 section 4.1)."""

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, to shard or to checkpoint one by one."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """What the first weight computes in: pixels are cast to it."""


class LinearPatches(VisionTower):
    """Pixels of a patch times one matrix, with no position and no transformer (Fuyu, Adept
    2023).
    """

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Linear(3 * patch_size**2, width)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """See ``VisionTower``. A patch's pixels are ordered channel, row, column."""
        pixels_BXP = F.unfold(images_BCHW, self.patch_size, stride=self.patch_size)
        patches_BPE: Tensor = self.projection(pixels_BXP.transpose(1, 2))
        return patches_BPE

    def resize(self, image_size: int) -> None:
        """Nothing to do: the projection knows no position."""

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """None."""
        return ()

    @property
    def dtype(self) -> torch.dtype:
        """See ``VisionTower``."""
        return self.projection.weight.dtype
