"""Sparse upcycling: a dense checkpoint becomes a mixture of experts (arXiv 2212.05055; MM1 3.4).

Legend: E experts, D the model's width, F the width inside an expert.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mm1_model.config import ModelConfig, MoEConfig
from mm1_model.weights.files import read_tensors, write_tensors
from mm1_model.weights.folder import TOKENIZER, read_config, write_config
from mm1_model.weights.state import WeightsError

ROUTER_DEVIATION = 0.02
"""Of the new routers' normal (arXiv 2212.05055, appendix A: "randomly initialised")."""

_FEED_FORWARD = re.compile(r"decoder\.layers\.(\d+)\.feed_forward\.(gate|up|down)\.weight")
_EXPERTS = {"gate": "gate_EFD", "up": "up_EFD", "down": "down_EDF"}


def upcycle(dense: Path, out: Path, *, num_experts: int, every: int, seed: int, top_k: int = 2) -> ModelConfig:
    """Writes a checkpoint in which each sparse layer's experts are copies of the dense layer.

    The gates of a token sum to 1 and its experts are equal, so the new model gives the dense one's
    logits until it is trained.

    Args:
        dense: checkpoint folder of a dense model.
        out: folder to write; must not be ``dense``.
        num_experts: experts of a sparse layer (MM1: 64 for 3B, 32 for 7B).
        every: every how many layers one is sparse (MM1: 2 for 3B, 4 for 7B).
        seed: of the routers' weights.
        top_k: experts a token visits.

    Returns:
        The settings of the new model.

    Raises:
        WeightsError: the checkpoint is sparse already, or its feed-forward layers have biases, which
            experts have not; or ``out`` is ``dense``.
        ValueError: the number of experts, ``every`` or ``top_k`` is impossible.
    """
    config = _sparse_config(dense, MoEConfig(num_experts=num_experts, every=every, top_k=top_k))
    if out.resolve() == dense.resolve():
        raise WeightsError(f"{out} is the dense checkpoint itself; give another folder")
    write_tensors(out, dict(_with_experts(read_tensors(dense), config, seed)))
    if (dense / TOKENIZER).is_file():
        shutil.copyfile(dense / TOKENIZER, out / TOKENIZER)
    write_config(config, out)
    return config


def _sparse_config(dense: Path, moe: MoEConfig) -> ModelConfig:
    config = read_config(dense)
    if config.moe is not None:
        raise WeightsError(f"{dense} has {config.moe.num_experts} experts already")
    if config.decoder.mlp_bias:
        raise WeightsError(f"{dense} has biases in its feed-forward layers; experts have none")
    if moe.every > config.decoder.num_layers:
        raise WeightsError(f"every {moe.every} layers leaves none of {config.decoder.num_layers} sparse")
    return replace(config, moe=moe)


def _with_experts(
    tensors: Iterable[tuple[str, Tensor]], config: ModelConfig, seed: int
) -> Iterator[tuple[str, Tensor]]:
    moe = config.moe
    if moe is None:
        raise WeightsError("the settings name no experts")
    for name, tensor in tensors:
        found = _FEED_FORWARD.fullmatch(name)
        if found is None or not moe.is_sparse(int(found[1])):
            yield name, tensor
            continue
        place = f"decoder.layers.{found[1]}.feed_forward"
        # A view: the copies take memory only when their file is written.
        yield f"{place}.{_EXPERTS[found[2]]}", tensor.expand(moe.num_experts, *tensor.shape)
        if found[2] == "gate":
            shape = (moe.num_experts, config.decoder.hidden_size)
            yield f"{place}.router.weight", _router(shape, seed, int(found[1])).to(tensor.dtype)


def _router(shape: tuple[int, int], seed: int, layer: int) -> Tensor:
    # A seed a layer: the weights do not depend on the order in which layers are read.
    generator = torch.Generator().manual_seed(seed * 1_000_003 + layer)
    return torch.empty(shape).normal_(std=ROUTER_DEVIATION, generator=generator)
