"""open_clip's own ViT, cut down to what gives patch features.

Legend: B images, C 3 channels, H and W pixels, P patches, E the tower's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from mm1_model.vision.tower import VisionTower


class OpenClipTower(VisionTower):
    """The towers that open_clip defines itself: OpenAI's, LAION's, DataComp's and DFN's ViTs.

    Class-token pooling and the projection into CLIP's space have no part in the features, so they
    are dropped: parameters without a gradient would only cost memory.
    """

    def __init__(self, visual: VisionTransformer) -> None:
        super().__init__()
        self.visual = visual
        visual.proj = None
        normalises_tokens = visual.attn_pool is None and not visual.final_ln_after_pool
        if not normalises_tokens:
            # This norm belongs to the pooled vector; the tokens never pass through it.
            visual.ln_post = nn.Identity()
        visual.attn_pool = None
        visual.attn_pool_contrastive = None

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """See ``VisionTower``."""
        visual = self.visual
        patches_BEHW = visual.conv1(images_BCHW)
        patches_BPE = patches_BEHW.flatten(2).transpose(1, 2)
        class_B1E = visual.class_embedding.to(patches_BPE.dtype).expand(len(images_BCHW), 1, -1)
        tokens_BPE = torch.cat((class_B1E, patches_BPE), dim=1)
        tokens_BPE = tokens_BPE + visual.positional_embedding.to(patches_BPE.dtype)
        tokens_BPE = visual.transformer(visual.ln_pre(visual.patch_dropout(tokens_BPE)))
        return cast(Tensor, visual.ln_post(tokens_BPE)[:, 1:])

    def resize(self, image_size: int) -> None:
        """See ``VisionTower``: bicubic with antialiasing, as open_clip resizes on loading."""
        visual = self.visual
        rows, columns = (image_size // side for side in visual.patch_size)
        positions = visual.positional_embedding
        grid_1EHW = positions[1:].unflatten(0, visual.grid_size).permute(2, 0, 1).unsqueeze(0)
        resized_1EHW = F.interpolate(grid_1EHW, (rows, columns), mode="bicubic", antialias=True, align_corners=False)
        resized_PE = resized_1EHW.flatten(2).squeeze(0).t()
        visual.positional_embedding = nn.Parameter(
            torch.cat((positions[:1], resized_PE)).detach(), requires_grad=positions.requires_grad
        )
        visual.image_size, visual.grid_size = (image_size, image_size), (rows, columns)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """See ``VisionTower``."""
        return list(self.visual.transformer.resblocks)

    @property
    def dtype(self) -> torch.dtype:
        """See ``VisionTower``."""
        return cast(torch.dtype, self.visual.conv1.weight.dtype)
