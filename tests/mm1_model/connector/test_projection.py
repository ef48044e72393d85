"""Connectors that keep a token a patch, against numbers worked by hand."""

import math

import pytest
import torch

from mm1_model.config import ConnectorConfig, VisionConfig
from mm1_model.connector import build_connector
from mm1_model.connector.grid import to_grid
from mm1_model.connector.projection import LinearProjection, MlpProjection


def test_linear_is_one_matrix() -> None:
    linear = LinearProjection(2, 1)
    with torch.no_grad():
        linear.projection.weight.copy_(torch.tensor([[2.0, -1.0]]))
        linear.projection.bias.fill_(0.5)

    tokens_BPD = linear(torch.tensor([[[1.0, 3.0], [4.0, 0.0]]]))

    assert tokens_BPD.tolist() == [[[-0.5], [8.5]]]


def test_mlp_has_a_gelu_between_two_matrices() -> None:
    mlp = MlpProjection(1, 1, 1)
    with torch.no_grad():
        mlp.hidden.weight.fill_(2.0)
        mlp.hidden.bias.zero_()
        mlp.output.weight.fill_(10.0)
        mlp.output.bias.fill_(1.0)

    token = mlp(torch.tensor([[[0.5]]])).item()

    # gelu(1) = 1 * Phi(1).
    assert token == pytest.approx(1 + 10 * 0.5 * (1 + math.erf(1 / math.sqrt(2))), rel=1e-6)


def test_a_grid_that_is_no_square_is_refused() -> None:
    with pytest.raises(ValueError, match="got 17 patches; was the class token left in"):
        to_grid(torch.zeros(1, 17, 4))


@pytest.mark.parametrize("kind", ["c_abstractor", "average_pool", "attention_pool"])
@pytest.mark.parametrize(("image_size", "num_tokens"), [(336, 64), (336, 144), (378, 144)])
def test_pooling_connectors_give_any_square_number(kind: str, image_size: int, num_tokens: int) -> None:
    vision = VisionConfig(image_size=image_size, width=32)
    config = ConnectorConfig(kind=kind, num_tokens=num_tokens, hidden_size=32, depth=1)  # type: ignore[arg-type]

    connector = build_connector(config, vision, 8)

    patches = torch.zeros(1, vision.num_patches, 32)
    assert connector(patches).shape == (1, num_tokens, 8)
