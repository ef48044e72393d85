"""Tiles and overview of an image, against pixels worked by hand."""

import pytest
import torch

from mm1_model.vision.subimages import MM1_GRID, TileGrid, choose_grid, decompose


def quadrants(side: int) -> torch.Tensor:
    """Four plain quadrants of levels 10, 20, 30, 40, row by row, each ``side`` pixels wide."""
    levels = torch.tensor([[10, 20], [30, 40]], dtype=torch.uint8)
    return levels.repeat_interleave(side, 0).repeat_interleave(side, 1).expand(3, -1, -1)


def test_mm1_cuts_1344_pixels_into_an_overview_and_four_tiles() -> None:
    parts_NCSS = decompose(quadrants(672), side=672)

    assert parts_NCSS.shape == (5, 3, 672, 672)
    assert [int(tile.unique()) for tile in parts_NCSS[1:]] == [10, 20, 30, 40]
    overview = parts_NCSS[0, 0]
    corners = [int(overview[y, x]) for y in (0, 671) for x in (0, 671)]
    assert corners == [10, 20, 30, 40]


def test_mm15_puts_the_overview_last() -> None:
    parts_NCSS = decompose(quadrants(4), side=4, overview="last")

    assert [int(tile.float().mean()) for tile in parts_NCSS] == [10, 20, 30, 40, 25]


def test_tiles_keep_every_pixel_in_place() -> None:
    image_CHW = torch.arange(6 * 4, dtype=torch.uint8).view(1, 4, 6).expand(3, -1, -1)

    tiles = decompose(image_CHW, side=2, grid=TileGrid(rows=2, columns=3))[1:, 0]

    assert tiles[0].tolist() == [[0, 1], [6, 7]]
    assert tiles[2].tolist() == [[4, 5], [10, 11]]
    assert tiles[3].tolist() == [[12, 13], [18, 19]]


def test_one_tile_needs_no_overview() -> None:
    image_CHW = quadrants(2)

    parts_NCSS = decompose(image_CHW, side=4, grid=TileGrid(rows=1, columns=1))

    assert torch.equal(parts_NCSS, image_CHW.unsqueeze(0))


def test_pixels_must_be_bytes() -> None:
    with pytest.raises(ValueError, match=r"must be \(3, H, W\) uint8, got \(3, 4, 4\) torch.float32"):
        decompose(torch.zeros(3, 4, 4), side=2)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (1344, 1344, (2, 2)),  # Fits four tiles exactly.
        (672, 2688, (1, 4)),
        (2688, 672, (4, 1)),
        (2000, 1300, (3, 2)),  # Six tiles hold it whole; seven to nine would only pad more.
        (100, 100, (2, 2)),  # Small: the fewest tiles that are allowed.
        (9000, 3000, (4, 2)),  # Too large for all: 2 x 672 / 3000 keeps more than 9 x 1 or 3 x 3.
    ],
)
def test_the_grid_follows_the_images_shape(height: int, width: int, expected: tuple[int, int]) -> None:
    grid = choose_grid(height, width, side=672)

    assert (grid.rows, grid.columns) == expected


def test_mm1s_grid_is_two_by_two() -> None:
    assert MM1_GRID.num_tiles == 4


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="into 5 to 4 tiles"):
        choose_grid(10, 10, side=2, min_tiles=5, max_tiles=4)
    with pytest.raises(ValueError, match="at least 1 x 1 tiles, got 0 x 2"):
        TileGrid(rows=0, columns=2)
