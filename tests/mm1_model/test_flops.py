"""Operations by formula against torch's own counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mm1_model import grouped_matmul
from mm1_model.attention import packed_attention
from mm1_model.config import ConnectorConfig, ModelConfig, MoEConfig, VisionConfig
from mm1_model.flops import connector_flops, forward_flops, tower_flops
from mm1_model.model import MM1, build_model
from mm1_model.presets import PRESETS, preset
from mm1_model.presets.describe import describe_preset
from mm1_model.vision import open_clip_vision_config
from tests.mm1_model.examples import debug_config, packed


def counted(function: Callable[[], object]) -> int:
    """The counter does not know the CPU's fused attention, which is off."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        function()
    return int(counter.get_total_flops())


@pytest.fixture(autouse=True)
def no_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that fill up an expert's product are the CPU's affair, not the model's."""
    monkeypatch.setattr(grouped_matmul, "ROW_MULTIPLE", 1)


@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=8, every=2)])
@pytest.mark.parametrize("kind", ["c_abstractor", "average_pool", "attention_pool"])
def test_a_forward_pass_costs_what_the_formula_says(kind: Any, moe: MoEConfig | None) -> None:
    config = debug_config(moe=moe)
    connector = ConnectorConfig(kind=kind, num_tokens=4, hidden_size=64, depth=2, num_heads=4)
    model = build_model(replace(config, connector=connector), seed=0)
    samples = [[0] * 4 + list(range(5, 120)), list(range(3, 90)), [0] * 4 + [7] * 30]
    batch = packed(samples, model.config)

    formula = forward_flops(
        model,
        sample_lengths=[len(s) for s in samples],
        num_images=2,
        num_loss_tokens=int(batch.loss_mask_T.sum()),
    )

    assert formula.total == pytest.approx(counted(lambda: model(batch)), rel=0.01)


@pytest.mark.parametrize("name", ["9M", "85M", "302M", "1.2B", "3B"])
def test_real_towers_and_connectors_cost_what_the_formula_says(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):
        model = MM1(config)
        image = torch.zeros(1, 3, config.vision.image_size, config.vision.image_size)
        patches = torch.zeros(1, config.vision.num_patches, config.vision.width)

    tower = counted(lambda: model.tower(image))
    connector = counted(lambda: model.connector(patches))

    assert tower_flops(model.tower, config) == pytest.approx(tower, rel=0.01)
    assert connector_flops(model.connector, config) == pytest.approx(connector, rel=0.01)


@pytest.mark.parametrize("name", [name for name, parts in PRESETS.items() if parts().moe is None])
def test_a_presets_decoder_costs_what_its_description_says(name: str) -> None:
    description = describe_preset(name)
    length = description.sequence_length
    boundaries = torch.tensor([0, length], dtype=torch.int32)
    context = packed_attention(boundaries, length, backend="sdpa")
    with torch.device("meta"):
        model = MM1(description.config)
        embedded, positions = torch.zeros(length, description.config.decoder.hidden_size), torch.zeros(length)

    layers = counted(lambda: model.decoder(embedded, positions, context))
    head = counted(lambda: model.head.logits(embedded))

    per_token = description.decoder_flops_per_token + description.attention_flops_per_token
    assert per_token * length == pytest.approx(layers, rel=0.01)
    assert description.head_flops_per_token * length == pytest.approx(head, rel=0.01)


@pytest.mark.parametrize(
    "vision",
    [
        open_clip_vision_config("ViT-B-16-SigLIP"),
        VisionConfig(kind="patches", image_size=90, patch_size=30, width=64),
    ],
)
def test_other_encoders_cost_what_the_formula_says(vision: VisionConfig) -> None:
    config: ModelConfig = replace(preset("9M", tokens_per_image=9), vision=vision)
    with torch.device("meta"):
        model = MM1(config)
        image = torch.zeros(1, 3, vision.image_size, vision.image_size)

    measured = counted(lambda: model.tower(image))

    assert tower_flops(model.tower, config) == pytest.approx(measured, rel=0.01)


def test_a_row_without_images_still_pays_for_one() -> None:
    model = build_model(debug_config(), seed=0)
    batch = packed([[5, 6, 7, 8]], model.config)

    formula = forward_flops(model, sample_lengths=[4], num_images=0, num_loss_tokens=3)

    assert formula.total == pytest.approx(counted(lambda: model(batch)), rel=0.01)


def test_a_backward_pass_costs_twice_its_forward_pass() -> None:
    # Without depthwise convolutions, whose gradients the counter takes for full ones.
    connector = ConnectorConfig(kind="average_pool", num_tokens=4)
    model = build_model(replace(debug_config(), connector=connector), seed=0)
    batch = packed([list(range(3, 100))], model.config)

    def step() -> None:
        with torch.enable_grad():
            model(batch).loss.backward()

    forward = counted(lambda: model(batch))
    # The head's logits are computed again in backward.
    head = 2 * 64 * 128 * 96
    assert counted(step) == pytest.approx(3 * forward + head, rel=0.02)
