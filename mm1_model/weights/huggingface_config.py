"""The settings of Llama-, Mistral-, Qwen- and Mixtral-style checkpoints, in both directions.

Reads ``config.json`` as Hugging Face writes it; transformers itself is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mm1_model.config import DecoderConfig, MoEConfig, RopeScaling
from mm1_model.weights.state import WeightsError

SUPPORTED = ("llama", "mistral", "qwen2", "qwen3", "mixtral")


def decoder_config_from_huggingface(
    values: Mapping[str, Any],
) -> tuple[DecoderConfig, MoEConfig | None]:
    """Returns the decoder that a Hugging Face ``config.json`` describes.

    Raises:
        WeightsError: the model is of another family, or uses what this decoder has not: another
            activation, another RoPE scaling, a window narrower than the context.
    """
    family = values.get("model_type")
    if family not in SUPPORTED:
        raise WeightsError(f"cannot read a decoder of type {family!r}; readable are {', '.join(SUPPORTED)}")
    _refuse_what_is_missing(values)
    heads = values["num_attention_heads"]
    theta, scaling = _rope(values)
    llama_bias = bool(values.get("attention_bias", False))
    decoder = DecoderConfig(
        vocab_size=values["vocab_size"],
        hidden_size=values["hidden_size"],
        num_layers=values["num_hidden_layers"],
        num_heads=heads,
        num_key_value_heads=values.get("num_key_value_heads") or heads,
        head_dim=values.get("head_dim") or values["hidden_size"] // heads,
        intermediate_size=values["intermediate_size"],
        max_positions=values["max_position_embeddings"],
        rope_theta=theta,
        rope_scaling=scaling,
        rms_norm_eps=values["rms_norm_eps"],
        tie_embeddings=bool(values.get("tie_word_embeddings", False)),
        query_key_norm=family == "qwen3",
        query_key_value_bias=family == "qwen2" or llama_bias,
        attention_output_bias=family != "qwen2" and llama_bias,
        mlp_bias=bool(values.get("mlp_bias", False)),
    )
    if family != "mixtral":
        return decoder, None
    return decoder, MoEConfig(num_experts=values["num_local_experts"], every=1, top_k=values["num_experts_per_tok"])


def huggingface_config(decoder: DecoderConfig, moe: MoEConfig | None) -> dict[str, Any]:
    """Returns the ``config.json`` of the published family that this decoder is a case of.

    Raises:
        WeightsError: it is a case of none: experts in some layers only, unequal biases, visual
            tokens that see each other.
    """
    family = _family(decoder, moe)
    values: dict[str, Any] = {
        "architectures": [_ARCHITECTURES[family]],
        "model_type": family,
        "vocab_size": decoder.vocab_size,
        "hidden_size": decoder.hidden_size,
        "intermediate_size": decoder.intermediate_size,
        "num_hidden_layers": decoder.num_layers,
        "num_attention_heads": decoder.num_heads,
        "num_key_value_heads": decoder.num_key_value_heads,
        "head_dim": decoder.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": decoder.max_positions,
        "rms_norm_eps": decoder.rms_norm_eps,
        "tie_word_embeddings": decoder.tie_embeddings,
        "rope_theta": decoder.rope_theta,
        "rope_parameters": _rope_parameters(decoder),
        "bos_token_id": None,
        "eos_token_id": None,
    }
    if family == "llama":
        values |= {"attention_bias": decoder.query_key_value_bias, "mlp_bias": decoder.mlp_bias}
    if family == "qwen3":
        values |= {"attention_bias": decoder.query_key_value_bias}
    if moe is not None:
        values |= {
            "num_local_experts": moe.num_experts,
            "num_experts_per_tok": moe.top_k,
            "router_aux_loss_coef": moe.balance_loss_weight,
            "sliding_window": None,
        }
    return values


_ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
}


def _family(decoder: DecoderConfig, moe: MoEConfig | None) -> str:
    biases = (decoder.query_key_value_bias, decoder.attention_output_bias)
    if decoder.image_attention != "causal":
        raise WeightsError("no published decoder lets visual tokens see each other")
    if moe is not None:
        plain = not any(biases) and not decoder.mlp_bias and not decoder.query_key_norm
        if moe.every == 1 and moe.dispatch == "dropless" and plain:
            return "mixtral"
        raise WeightsError(
            f"no published decoder has experts every {moe.every} layers with dispatch"
            f" {moe.dispatch!r}; Mixtral has them everywhere, dropless and without biases"
        )
    if decoder.query_key_norm:
        if biases[0] == biases[1] and not decoder.mlp_bias:
            return "qwen3"
    elif biases[0] == biases[1]:
        return "llama"
    elif biases == (True, False) and not decoder.mlp_bias:
        return "qwen2"
    raise WeightsError(
        f"no published decoder has query_key_value_bias {biases[0]}, attention_output_bias"
        f" {biases[1]}, mlp_bias {decoder.mlp_bias}, query_key_norm {decoder.query_key_norm}"
    )


def _rope(values: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    # transformers 5 keeps all of RoPE in rope_parameters, earlier versions in two fields.
    given = values.get("rope_parameters") or values.get("rope_scaling") or {}
    theta = given.get("rope_theta", values.get("rope_theta", 10_000.0))
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind != "llama3":
        raise WeightsError(f"RoPE of type {kind!r} is not supported; default and llama3 are")
    return theta, RopeScaling(
        factor=given["factor"],
        low_frequency_factor=given["low_freq_factor"],
        high_frequency_factor=given["high_freq_factor"],
        original_max_positions=given["original_max_position_embeddings"],
    )


def _rope_parameters(decoder: DecoderConfig) -> dict[str, Any]:
    if decoder.rope_scaling is None:
        return {"rope_type": "default", "rope_theta": decoder.rope_theta}
    return {
        "rope_type": "llama3",
        "rope_theta": decoder.rope_theta,
        "factor": decoder.rope_scaling.factor,
        "low_freq_factor": decoder.rope_scaling.low_frequency_factor,
        "high_freq_factor": decoder.rope_scaling.high_frequency_factor,
        "original_max_position_embeddings": decoder.rope_scaling.original_max_positions,
    }


def _refuse_what_is_missing(values: Mapping[str, Any]) -> None:
    activation = values.get("hidden_act", "silu")
    if activation != "silu":
        raise WeightsError(f"hidden_act {activation!r} is not supported; the decoder has SwiGLU")
    window = values.get("sliding_window")
    windowed = values.get("use_sliding_window", True)
    if windowed and window is not None and window < values["max_position_embeddings"]:
        raise WeightsError(
            f"sliding_window {window} is narrower than max_position_embeddings"
            f" {values['max_position_embeddings']}: lower the latter to {window} in config.json to"
            " use the model for sequences up to that length"
        )
