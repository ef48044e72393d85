"""Each preset has the paper's size, exactly the parameters that are written here, and is whole."""

from __future__ import annotations

import pytest
import torch

from mm1_model.flops import count_parameters
from mm1_model.model import MM1
from mm1_model.presets import PRESETS, preset
from mm1_model.presets.describe import PresetDescription, describe_preset
from mm1_model.vision import open_clip_vision_config

# Decoder without embeddings, of these active, connector, tower.
COUNTS = {
    "debug": (98_624, 98_624, 34_976, 116_736),
    "9M": (9_492_736, 9_492_736, 16_746_496, 303_507_456),
    "85M": (84_953_856, 84_953_856, 17_796_096, 303_507_456),
    "302M": (302_433_280, 302_433_280, 18_517_504, 303_507_456),
    "1.2B": (1_214_351_360, 1_214_351_360, 22_713_856, 303_507_456),
    "3B": (2_854_935_040, 2_854_935_040, 27_647_808, 631_371_520),
    "7B": (6_375_608_320, 6_375_608_320, 39_447_360, 631_371_520),
    "30B": (29_948_025_856, 29_948_025_856, 77_202_240, 631_371_520),
    "3B-MoE": (63_055_321_600, 3_813_399_040, 27_647_808, 631_371_520),
    "7B-MoE": (45_383_684_096, 7_634_948_096, 39_447_360, 631_371_520),
}

# What the paper prints, with as many digits.
PUBLISHED_DECODERS = {
    "9M": (9e6, 0),
    "85M": (85e6, 0),
    "302M": (302e6, 0),
    "1.2B": (1.2e9, 1),
    "3B": (2.9e9, 1),
    "7B": (6.4e9, 1),
    "30B": (30e9, 0),
}


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_counted_exactly(name: str) -> None:
    with torch.device("meta"):
        counts = count_parameters(MM1(preset(name)))

    got = (counts.decoder, counts.decoder_active, counts.connector, counts.tower)
    assert got == COUNTS[name]


def test_every_preset_is_counted() -> None:
    assert list(COUNTS) == list(PRESETS)


@pytest.mark.parametrize("name", PUBLISHED_DECODERS)
def test_decoders_round_to_the_papers_sizes(name: str) -> None:
    published, digits = PUBLISHED_DECODERS[name]
    unit = 1e6 if published < 1e9 else 1e9

    assert round(COUNTS[name][0] / unit, digits) == published / unit


@pytest.mark.parametrize(("name", "published"), [("3B-MoE", 64), ("7B-MoE", 47)])
def test_sums_with_experts_round_to_the_papers(name: str, published: int) -> None:
    assert round(describe_preset(name).parameters.total / 1e9) == published


def test_a_decoders_count_by_hand() -> None:
    # 85M: 12 layers of four 768 x 768, three 768 x 2048, two norms; and the last norm.
    layer = 4 * 768**2 + 3 * 768 * 2048 + 2 * 768

    assert COUNTS["85M"][0] == 12 * layer + 768


@pytest.mark.parametrize(("name", "model"), [("1.2B", "ViT-L-14-336-quickgelu"), ("3B", "ViT-H-14-378-quickgelu")])
def test_towers_are_those_of_open_clip(name: str, model: str) -> None:
    assert preset(name).vision == open_clip_vision_config(model)


def test_another_tower_and_other_tokens_can_be_asked_for() -> None:
    tower = open_clip_vision_config("ViT-B-16-SigLIP", pretrained="webli", image_size=384)

    config = preset("9M", vision=tower, vocab_size=5000, tokens_per_image=64, placeholder_id=3)

    assert config.vision.pretrained == "webli"
    assert config.vision.num_patches == 576
    assert (config.decoder.vocab_size, config.tokens_per_image) == (5000, 64)


def test_an_unknown_preset_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="there is no preset '13B'; there are debug, 9M, 85M"):
        preset("13B")


def test_a_description_prints_active_and_total_parameters() -> None:
    description: PresetDescription = describe_preset("3B-MoE")

    text = "\n".join(description.lines())

    assert "64 experts in 18 of 36 layers, 2 a token" in text
    assert "  decoder             63,055,321,600 without embeddings" in text
    assert "  decoder, active     3,813,399,040 a token" in text
    # 18 layers of 64 SwiGLUs of 3 x 2560 x 6912; 2 of the 64; 2 operations a parameter.
    assert "    experts           61,152,952,320 in all, 1,911,029,760 active" in text
    assert "    experts           3,822,059,520 a token, active" in text
    # 1,006,960,261,120 an image of 144 tokens.
    assert "tower               1,006,960,261,120 an image, 6,992,779,591 a visual token" in text
    assert "tower                 ViT-H-14-378-quickgelu at 378 px, 729 patches" in text


def test_a_dense_description_says_nothing_of_experts() -> None:
    description = describe_preset("1.2B")

    assert not any("experts" in line for line in description.lines())
    assert (description.parameters.experts, description.parameters.experts_active) == (0, 0)
