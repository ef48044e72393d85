"""timm's vision transformers: SigLIP's towers in open_clip, and AIM's autoregressive ones.

Legend: B images, C 3 channels, H and W pixels, P patches, E the tower's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from mm1_model.vision.tower import VisionTower


class TimmTower(VisionTower):
    """A ``timm`` VisionTransformer without pooling and classifier."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        if not hasattr(trunk, "num_prefix_tokens") or not hasattr(trunk, "blocks"):
            raise ValueError(f"{type(trunk).__name__} has no square grid of patch features; take a vision transformer")
        self.trunk: Any = trunk
        self.trunk.reset_classifier(0, global_pool="")
        self.trunk.fc_norm = nn.Identity()  # Of the pooled vector.

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """See ``VisionTower``. Class and register tokens come first and are left out."""
        tokens_BPE = cast(Tensor, self.trunk.forward_features(images_BCHW))
        return tokens_BPE[:, self.trunk.num_prefix_tokens :]

    def resize(self, image_size: int) -> None:
        """See ``VisionTower``: by timm's own resampling."""
        self.trunk.set_input_size((image_size, image_size))

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """See ``VisionTower``."""
        return list(self.trunk.blocks)

    @property
    def dtype(self) -> torch.dtype:
        """See ``VisionTower``."""
        return cast(torch.dtype, next(self.trunk.parameters()).dtype)
