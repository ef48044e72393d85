"""The C-Abstractor (Honeybee, arXiv 2312.06742, section 3.2 and its published settings).

Position embedding, three RegNet blocks, adaptive average pooling, three RegNet blocks, a two-layer
MLP. Parameters carry the names of Honeybee's checkpoints (which are timm's), so that those load.

Legend: B images, P patches, V visual tokens, E the tower's width, D the decoder's width, C channels
inside, H and W sides of the grid.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mm1_model.config import ConnectorConfig
from mm1_model.connector.grid import from_grid, to_grid

SQUEEZE_RATIO = 0.25
"""Of squeeze-and-excitation, relative to the block's input (RegNetY, arXiv 2003.13678)."""

NORM_EPS = 1e-5
"""What timm gives Honeybee: LayerNorm2d alone has 1e-6, but its fusion with an activation 1e-5."""


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels at each place of a ``(B, C, H, W)`` grid."""

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        """Keeps the shape."""
        normed_BHWC = F.layer_norm(
            grid_BCHW.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps
        )
        return normed_BHWC.permute(0, 3, 1, 2)


class ConvNorm(nn.Module):
    """A convolution without bias that keeps the grid, and a norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = ChannelNorm(outputs, eps=NORM_EPS)

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        """Maps the channels."""
        normed_BCHW: Tensor = self.bn(self.conv(grid_BCHW))
        return normed_BCHW


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the whole grid says (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        """Keeps the shape."""
        mean_BC11 = grid_BCHW.mean((2, 3), keepdim=True)
        scale_BC11: Tensor = self.fc2(F.silu(self.fc1(mean_BC11))).sigmoid()
        return grid_BCHW * scale_BC11


class Bottleneck(nn.Module):
    """1 x 1, depthwise 3 x 3, squeeze-excitation, 1 x 1, and a shortcut (RegNet's "Y" block)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs, 1)
        self.conv2 = ConvNorm(outputs, outputs, 3, groups=outputs)
        self.se = SqueezeExcitation(outputs, round(inputs * SQUEEZE_RATIO))
        self.conv3 = ConvNorm(outputs, outputs, 1)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = ConvNorm(inputs, outputs, 1)

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        """Maps the channels, keeps the grid."""
        inner_BCHW = F.silu(self.conv2(F.silu(self.conv1(grid_BCHW))))
        inner_BCHW = self.conv3(self.se(inner_BCHW))
        return F.silu(inner_BCHW + self.downsample(grid_BCHW))


def stage(depth: int, inputs: int, outputs: int) -> nn.Sequential:
    """Returns ``depth`` blocks, the first of which changes the channels."""
    blocks = [Bottleneck(inputs if i == 0 else outputs, outputs) for i in range(depth)]
    return nn.Sequential(OrderedDict((f"b{i + 1}", block) for i, block in enumerate(blocks)))


class CAbstractor(nn.Module):
    """Honeybee's convolutional abstractor, MM1's connector."""

    def __init__(self, config: ConnectorConfig, num_patches: int, input_size: int, output_size: int) -> None:
        super().__init__()
        channels = config.hidden_size
        self.pos_emb = nn.Parameter(torch.empty(1, num_patches, input_size))
        self.net = nn.Sequential(
            stage(config.depth, input_size, channels),
            nn.AdaptiveAvgPool2d(config.grid_side),
            stage(config.depth, channels, channels),
        )
        self.readout = nn.Sequential(nn.Linear(channels, output_size), nn.SiLU(), nn.Linear(output_size, output_size))

    def reset_parameters(self) -> None:
        """Draws the position embedding; the other parts know their own beginning."""
        nn.init.trunc_normal_(self.pos_emb, std=0.02)

    def resize(self, grid_side: int) -> None:
        """Makes the connector take ``grid_side ** 2`` patches: positions are interpolated."""
        grid_1EHW = to_grid(self.pos_emb)
        resized_1EHW = F.interpolate(
            grid_1EHW, (grid_side, grid_side), mode="bicubic", antialias=True, align_corners=False
        )
        self.pos_emb = nn.Parameter(from_grid(resized_1EHW).detach().contiguous())

    def forward(self, patches_BPE: Tensor) -> Tensor:
        """Maps ``(B, P, E)`` to ``(B, V, D)``.

        Raises:
            ValueError: P is not what the position embedding was made for.
        """
        if patches_BPE.shape[1] != self.pos_emb.shape[1]:
            raise ValueError(f"got {patches_BPE.shape[1]} patches, the position embedding has {self.pos_emb.shape[1]}")
        grid_BEHW = to_grid(patches_BPE + self.pos_emb.to(patches_BPE.dtype))
        tokens_BVD: Tensor = self.readout(from_grid(self.net(grid_BEHW)))
        return tokens_BVD
