"""The names of a decoder's tensors in Hugging Face checkpoints, in both directions.

Legend: E experts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

# Ours without the layer, theirs without the layer.
_IN_LAYER = {
    "attention.query.": "self_attn.q_proj.",
    "attention.key.": "self_attn.k_proj.",
    "attention.value.": "self_attn.v_proj.",
    "attention.output.": "self_attn.o_proj.",
    "attention.query_norm.": "self_attn.q_norm.",
    "attention.key_norm.": "self_attn.k_norm.",
    "attention_norm.": "input_layernorm.",
    "feed_forward_norm.": "post_attention_layernorm.",
    "feed_forward.gate.": "mlp.gate_proj.",
    "feed_forward.up.": "mlp.up_proj.",
    "feed_forward.down.": "mlp.down_proj.",
    "feed_forward.router.": "block_sparse_moe.gate.",
}
_OUTSIDE = {
    "decoder.embedding.weight": "model.embed_tokens.weight",
    "head.norm.weight": "model.norm.weight",
    "head.projection.weight": "lm_head.weight",
}
_EXPERTS = {"gate_EFD": "w1", "up_EFD": "w3", "down_EDF": "w2"}

_OUR_LAYER = re.compile(r"decoder\.layers\.(\d+)\.(.+)")
_THEIR_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_THEIR_EXPERT = re.compile(r"block_sparse_moe\.experts\.(\d+)\.(w[123])\.weight")


def from_huggingface(tensors: Iterable[tuple[str, Tensor]], num_experts: int) -> Iterator[tuple[str, Tensor]]:
    """Yields the tensors under our names; those without a counterpart keep theirs.

    The experts of a layer are put into one tensor as soon as all of them have come.
    """
    waiting: dict[str, dict[int, Tensor]] = {}
    for name, tensor in tensors:
        layer = _THEIR_LAYER.fullmatch(name)
        expert = _THEIR_EXPERT.fullmatch(layer[2]) if layer else None
        if layer is None or expert is None:
            yield our_name(name), tensor
            continue
        ours = next(key for key, theirs in _EXPERTS.items() if theirs == expert[2])
        stacked = f"decoder.layers.{layer[1]}.feed_forward.{ours}"
        parts = waiting.setdefault(stacked, {})
        parts[int(expert[1])] = tensor
        if len(parts) == num_experts:
            yield stacked, torch.stack([part for _, part in sorted(waiting.pop(stacked).items())])
    for stacked, parts in waiting.items():
        # Some expert is missing: the number of those that came shows as a wrong shape.
        yield stacked, torch.stack([part for _, part in sorted(parts.items())])


def to_huggingface(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Yields a decoder's and head's tensors under the names of Llama, Qwen or Mixtral."""
    for name, tensor in tensors:
        layer = _OUR_LAYER.fullmatch(name)
        part = layer[2].removeprefix("feed_forward.") if layer else ""
        if layer is not None and part in _EXPERTS:
            for number, expert in enumerate(tensor.unbind(0)):
                place = f"model.layers.{layer[1]}.block_sparse_moe.experts.{number}"
                yield f"{place}.{_EXPERTS[part]}.weight", expert
        else:
            yield their_name(name), tensor


def our_name(theirs: str) -> str:
    """Returns our name of a tensor outside experts, or ``theirs`` if there is no counterpart."""
    for ours, other in _OUTSIDE.items():
        if theirs == other:
            return ours
    layer = _THEIR_LAYER.fullmatch(theirs)
    if layer is not None:
        for ours, other in _IN_LAYER.items():
            if layer[2].startswith(other):
                return f"decoder.layers.{layer[1]}.{ours}{layer[2].removeprefix(other)}"
    return theirs


def their_name(ours: str) -> str:
    """Returns Hugging Face's name of a decoder's or head's tensor outside experts."""
    if ours in _OUTSIDE:
        return _OUTSIDE[ours]
    layer = _OUR_LAYER.fullmatch(ours)
    if layer is not None:
        for prefix, other in _IN_LAYER.items():
            if layer[2].startswith(prefix):
                return f"model.layers.{layer[1]}.{other}{layer[2].removeprefix(prefix)}"
    raise KeyError(f"{ours} has no name in Hugging Face's decoders")
