"""Settings refuse what cannot be, with field and value, and survive the way through JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mm1_model.config import (
    ConnectorConfig,
    DecoderConfig,
    ModelConfig,
    MoEConfig,
    RopeScaling,
    VisionConfig,
)
from mm1_model.presets import PRESETS, preset

DECODER: dict[str, Any] = {
    "vocab_size": 100,
    "hidden_size": 64,
    "num_layers": 2,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 96,
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name: str) -> None:
    config = preset(name)

    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_all_parts_survive_json() -> None:
    scaling = RopeScaling(factor=8.0, low_frequency_factor=1.0, high_frequency_factor=4.0, original_max_positions=64)
    base = preset("debug", begin_id=1, end_id=2)
    config = replace(
        base,
        decoder=replace(base.decoder, rope_scaling=scaling),
        moe=MoEConfig(num_experts=4, every=2, dispatch="capacity"),
    )

    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_heads": 3}, "decoder.num_heads 3 is not a multiple of decoder.num_key_value_heads 2"),
        ({"head_dim": 15}, "decoder.head_dim must be even for RoPE, got 15"),
        ({"num_layers": 0}, "decoder.num_layers must be at least 1, got 0"),
        (
            {"image_attention": "both"},
            "decoder.image_attention must be one of causal, bidirectional, got 'both'",
        ),
    ],
)
def test_impossible_decoders(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DecoderConfig(**(DECODER | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_tokens": 150}, "must be a perfect square, got 150; the nearest are 144 and 169"),
        ({"kind": "resampler"}, "connector.kind must be one of c_abstractor, average_pool"),
        (
            {"kind": "attention_pool", "hidden_size": 100},
            "connector.hidden_size 100 is not divisible by connector.num_heads 16",
        ),
    ],
)
def test_impossible_connectors(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConnectorConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"top_k": 9}, "moe.top_k 9 is more than 8 experts"),
        ({"capacity_factor": 0.0}, r"moe.capacity_factor must be positive, got 0.0"),
        ({"balance_loss_weight": -1.0}, r"moe.balance_loss_weight must not be negative, got -1.0"),
    ],
)
def test_impossible_experts(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MoEConfig(**({"num_experts": 8, "every": 2} | change))


def test_an_image_smaller_than_a_patch() -> None:
    with pytest.raises(ValueError, match=r"vision.image_size 8 is less than one patch of 14"):
        VisionConfig(image_size=8)


def test_a_rest_narrower_than_a_patch_is_dropped() -> None:
    # 378 / 14 is 27; 384 / 14 is 27 and a rest.
    assert VisionConfig(image_size=384).num_patches == VisionConfig(image_size=378).num_patches == 729


@pytest.mark.parametrize("name", ["placeholder_id", "begin_id", "end_id"])
def test_special_tokens_are_in_the_vocabulary(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} 1024 is not in the vocabulary of 1024"):
        ModelConfig.from_dict(preset("debug").to_dict() | {name: 1024})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "not an mm1 config: model_type is 'llama'"),
        ({"format_version": 2}, "config has format version 2, this build reads 1"),
        ({"surprise": 1}, r"config has unknown fields \['surprise'\]"),
    ],
)
def test_foreign_configs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(preset("debug").to_dict() | change)
