"""A model goes to another resolution and stays itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mm1_model.config import ConnectorConfig
from mm1_model.model import build_model
from mm1_model.resolution import change_image_size
from mm1_model.weights import load_model, save_model
from tests.mm1_model.examples import debug_config, debug_model


def plain_image(side: int) -> torch.Tensor:
    return torch.full((1, 3, side, side), 90, dtype=torch.uint8)


def test_the_model_takes_the_new_size_and_gives_as_many_tokens(tmp_path: Path) -> None:
    model = debug_model()

    change_image_size(model, 128)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)

    assert loaded.config.vision.image_size == 128
    with torch.no_grad():
        tokens = loaded.encode_images(plain_image(128))
        assert tokens.shape == (1, 4, 64)
        assert torch.equal(tokens, model.eval().encode_images(plain_image(128)))


def test_there_and_back_keeps_a_smooth_position_embedding() -> None:
    model = debug_model()
    ramp = torch.linspace(0, 1, 8).view(8, 1).expand(8, 8).reshape(1, 64, 1)
    with torch.no_grad():
        model.connector.get_parameter("pos_emb").copy_(ramp.expand(1, 64, 64))

    change_image_size(model, 128)
    grid = model.connector.get_parameter("pos_emb").detach()[0, :, 0].view(16, 16)

    # A vertical ramp stays one: rows equal along x, rising along y, through the old values' middles.
    assert float((grid - grid[:, :1]).abs().max()) < 1e-6
    assert (grid[1:, 0] > grid[:-1, 0]).all()
    assert float(grid[7:9, 0].mean()) == pytest.approx(0.5, abs=1e-4)


def test_a_connector_with_a_token_a_patch_is_refused_untouched() -> None:
    config = debug_config()
    linear = replace(config, connector=ConnectorConfig(kind="linear", num_tokens=64))
    model = build_model(linear, seed=0)

    with pytest.raises(ValueError, match=r"connector.num_tokens is 64, the tower has 256 patches"):
        change_image_size(model, 128)

    assert model.encode_images(plain_image(64)).shape == (1, 64, 64)
