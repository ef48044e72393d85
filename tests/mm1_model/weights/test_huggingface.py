"""Published decoders: their own weights, in our decoder, give their own logits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mm1_model.config import ConnectorConfig, ModelConfig, VisionConfig
from mm1_model.model import MM1, build_model
from mm1_model.weights import WeightsError, load_pretrained_parts, read_decoder_config
from mm1_model.weights.huggingface_config import (
    decoder_config_from_huggingface,
    huggingface_config,
)
from tests.mm1_model.examples import packed

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 61,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "sliding_window": None,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama with biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama 3.1": ("Llama", {"rope_parameters": LLAMA3_ROPE, "tie_word_embeddings": True}),
    "mistral": ("Mistral", {"head_dim": 16}),
    "qwen 2": ("Qwen2", {}),
    "qwen 3": ("Qwen3", {"head_dim": 16}),
    "mixtral": ("Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
}
SAMPLES = [[5, 9, 13, 2, 60, 7], [8, 8, 3], [*range(1, 33)]]


def published(folder: Path, family: str) -> Any:
    """A random model of transformers, saved in ``folder``; norms and biases random too."""
    name, extra = FAMILIES[family]
    config = getattr(transformers, f"{name}Config")(**(SIZES | extra))
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Draws well away from the tiny defaults: differences would hide in small logits.
            parameter.normal_(mean=float(parameter.dim() == 1), std=0.15)
    model.save_pretrained(folder)
    return model


def with_decoder_of(folder: Path, **changes: Any) -> MM1:
    decoder, moe = read_decoder_config(folder)
    vision = VisionConfig(kind="patches", image_size=4, patch_size=2, width=8)
    config = ModelConfig(
        vision=vision,
        connector=ConnectorConfig(kind="average_pool", num_tokens=1),
        decoder=replace(decoder, pretrained=str(folder), **changes),
        moe=moe,
        placeholder_id=0,
    )
    model = build_model(config, seed=0)
    load_pretrained_parts(model)
    return model.eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_equal_those_of_transformers(tmp_path: Path, family: str) -> None:
    theirs = published(tmp_path, family)
    ours = with_decoder_of(tmp_path)

    with torch.no_grad():
        got_TV = ours.logits(packed(SAMPLES, ours.config))
        wanted_TV = torch.cat([theirs(torch.tensor([s])).logits[0] for s in SAMPLES])

    # float32: three layers of sums in another order; logits are of the order of 1.
    assert wanted_TV.std() > 0.3
    torch.testing.assert_close(got_TV, wanted_TV, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "mistral"])
def test_settings_survive_the_way_there_and_back(tmp_path: Path, family: str) -> None:
    published(tmp_path, family)
    decoder, moe = read_decoder_config(tmp_path)

    again = decoder_config_from_huggingface(huggingface_config(decoder, moe))

    assert again == (decoder, moe)


def test_settings_of_transformers_4_are_read_too(tmp_path: Path) -> None:
    published(tmp_path, "llama 3.1")
    values = json.loads((tmp_path / "config.json").read_text())
    rope = values.pop("rope_parameters")
    values |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope}

    assert decoder_config_from_huggingface(values)[0] == read_decoder_config(tmp_path)[0]


def test_new_rows_of_the_vocabulary_are_the_mean_of_the_old(tmp_path: Path) -> None:
    theirs = published(tmp_path, "llama")
    ours = with_decoder_of(tmp_path, vocab_size=70)

    old = theirs.model.embed_tokens.weight
    got = ours.decoder.embedding.weight
    assert torch.equal(got[:61], old)
    torch.testing.assert_close(got[61:], old.mean(0).expand(9, -1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "cannot read a decoder of type 'gpt2'"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu' is not supported"),
        ({"sliding_window": 16}, "sliding_window 16 is narrower than max_position_embeddings 64"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "RoPE of type 'yarn' is not supported"),
    ],
)
def test_what_the_decoder_has_not_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    published(tmp_path, "llama")
    values = json.loads((tmp_path / "config.json").read_text())

    with pytest.raises(WeightsError, match=message):
        decoder_config_from_huggingface(values | change)


def test_a_missing_expert_is_named(tmp_path: Path) -> None:
    published(tmp_path, "mixtral")
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.layers.1.block_sparse_moe.experts.2.w3.weight"]
    save_file(tensors, path)

    message = r"decoder.layers.1.feed_forward.up_EFD is \(3, 80, 48\), the model needs \(4, 80, 48"
    with pytest.raises(WeightsError, match=message):
        with_decoder_of(tmp_path)
