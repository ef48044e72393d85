"""High resolution by parts: an image as tiles and one overview (MM1 section 4.1; MM1.5, 2409.20566).

Legend: C 3 channels, H and W the image's pixels, N sub-images, S the tower's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

OverviewPlace = Literal["first", "last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """Tiles of an image."""

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a grid has at least 1 x 1 tiles, got {self.rows} x {self.columns}")

    @property
    def num_tiles(self) -> int:
        """Without the overview."""
        return self.rows * self.columns


MM1_GRID = TileGrid(rows=2, columns=2)
"""1344 pixels are 4 tiles of 672 and an overview of 672: five images, 720 tokens (MM1 section 4)."""


def decompose(image_CHW: Tensor, *, side: int, grid: TileGrid = MM1_GRID, overview: OverviewPlace = "first") -> Tensor:
    """Cuts an image into tiles and adds the whole of it at low resolution.

    Args:
        image_CHW: ``(3, H, W)`` uint8 RGB of any size; it is scaled to ``rows * side`` by
            ``columns * side`` pixels, so with MM1's grid and 672 to 1344 x 1344.
        side: the tower's input.
        grid: tiles to cut. 1 x 1 gives the image alone, without an overview.
        overview: MM1 puts it before the tiles, MM1.5 after them.

    Returns:
        ``(N, 3, S, S)`` uint8: overview and tiles, these row by row.

    Raises:
        ValueError: the image is not uint8 RGB.
    """
    if image_CHW.dtype != torch.uint8 or image_CHW.dim() != 3 or image_CHW.shape[0] != 3:
        raise ValueError(f"the image must be (3, H, W) uint8, got {tuple(image_CHW.shape)} {image_CHW.dtype}")
    whole_1CSS = _scale(image_CHW, side, side)
    if grid.num_tiles == 1:
        return whole_1CSS
    large_1CHW = _scale(image_CHW, grid.rows * side, grid.columns * side)
    rows = large_1CHW.squeeze(0).unfold(1, side, side).unfold(2, side, side)
    tiles_NCSS = rows.permute(1, 2, 0, 3, 4).flatten(0, 1)
    parts = (whole_1CSS, tiles_NCSS) if overview == "first" else (tiles_NCSS, whole_1CSS)
    return torch.cat(parts)


def choose_grid(height: int, width: int, *, side: int, min_tiles: int = 4, max_tiles: int = 9) -> TileGrid:
    """Returns the grid that shows an image best with ``min_tiles`` to ``max_tiles`` tiles.

    MM1.5's dynamic image splitting (section 3.5; 4 to 9 tiles in training, 4 to 16 in inference):
    of the grids that can hold the image without scaling it down the one that it fills best, else
    the one in which it keeps the most pixels. Ties go to fewer tiles, then fewer rows.

    Raises:
        ValueError: no grid has so many tiles, or a size is not positive.
    """
    if min(height, width, side) < 1 or not 1 <= min_tiles <= max_tiles:
        raise ValueError(f"cannot split {height} x {width} pixels into {min_tiles} to {max_tiles} tiles of {side}")
    grids = [
        TileGrid(rows=rows, columns=tiles // rows)
        for tiles in range(min_tiles, max_tiles + 1)
        for rows in range(1, tiles + 1)
        if tiles % rows == 0
    ]
    return min(grids, key=lambda grid: _rank(grid, height, width, side))


def _rank(grid: TileGrid, height: int, width: int, side: int) -> tuple[Fraction, Fraction, int, int]:
    # Exact: grids that both fit without padding must tie.
    scale = min(Fraction(grid.rows * side, height), Fraction(grid.columns * side, width))
    lost = max(1 - scale, Fraction(0))
    padding = grid.num_tiles * side**2 - scale**2 * height * width
    return lost, padding, grid.num_tiles, grid.rows


def _scale(image_CHW: Tensor, height: int, width: int) -> Tensor:
    if image_CHW.shape[1:] == (height, width):
        return image_CHW.unsqueeze(0)
    return F.interpolate(image_CHW.unsqueeze(0), (height, width), mode="bicubic", antialias=True)
