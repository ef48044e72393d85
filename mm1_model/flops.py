"""Parameters and floating-point operations of a network, part by part.

One multiplication and one addition are two operations. Only products of matrices, convolutions and
attention count, as in PaLM (arXiv 2204.02311, appendix B) and torch's ``FlopCounterMode``; norms,
activations and the softmax are left out. A backward pass costs twice its forward pass.

Legend: T positions, P patches, V visual tokens, E the tower's width, C channels inside a connector.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from mm1_model.config import ModelConfig, MoEConfig
from mm1_model.connector.abstractor import CAbstractor, SqueezeExcitation
from mm1_model.connector.pooling import AttentionPool, AveragePool
from mm1_model.model import MM1
from mm1_model.moe import MixtureOfExperts
from mm1_model.vision.tower import LinearPatches, VisionTower

TRAINING_FACTOR = 3
"""A training step: one forward pass and a backward pass of twice its cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCounts:
    """How many parameters each part has."""

    tower: int
    connector: int
    embeddings: int
    """Embedding and output projection; counted once when tied."""

    decoder: int
    """Layers and the last norm: "non-embedding", as the paper gives sizes. All experts."""

    decoder_active: int
    """Of these, those that one token passes through: ``top_k`` experts a sparse layer."""

    experts: int
    """Of the decoder's, those in experts."""

    experts_active: int
    """Of these, those that one token passes through."""

    @property
    def total(self) -> int:
        """All parameters."""
        return self.tower + self.connector + self.embeddings + self.decoder


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardFlops:
    """Operations of one forward pass, by part."""

    tower: int
    connector: int
    decoder: int
    """Matrices of the layers, of the experts that are visited, and routers."""

    attention: int
    """Scores and weighted sums of the decoder, over the whole square of each sample, as PaLM and
    ``FlopCounterMode`` count; a causal kernel does about half of it.
    """

    head: int
    """Output projection at the positions with a loss."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.tower + self.connector + self.decoder + self.attention + self.head


def count_parameters(model: MM1) -> ParameterCounts:
    """Returns the counts of a model; one on the meta device will do."""
    layers = _numel(model.decoder.layers.parameters())
    decoder = layers + _numel(model.head.norm.parameters())
    experts, idle = _experts(model), _idle_experts(model)
    vocabulary = [*model.decoder.embedding.parameters(), *model.head.projection.parameters()]
    return ParameterCounts(
        tower=_numel(model.tower.parameters()),
        connector=_numel(model.connector.parameters()),
        embeddings=_numel({id(p): p for p in vocabulary}.values()),
        decoder=decoder,
        decoder_active=decoder - idle,
        experts=experts,
        experts_active=experts - idle,
    )


def forward_flops(model: MM1, *, sample_lengths: Sequence[int], num_images: int, num_loss_tokens: int) -> ForwardFlops:
    """Returns the operations of one forward pass over a micro-batch.

    Args:
        model: any device, meta too.
        sample_lengths: positions of each sample, visual tokens among them.
        num_images: of the micro-batch. None counts as one, since the tower runs all the same.
        num_loss_tokens: positions with a loss.
    """
    config, images = model.config, max(num_images, 1)
    square = sum(length**2 for length in sample_lengths)
    query_width = config.decoder.num_heads * config.decoder.head_dim
    active = sum(_active_matrices(layer, config.moe) for layer in model.decoder.layers)
    return ForwardFlops(
        tower=images * tower_flops(model.tower, config),
        connector=images * connector_flops(model.connector, config),
        decoder=2 * active * sum(sample_lengths),
        attention=4 * query_width * square * config.decoder.num_layers,
        head=2 * config.decoder.hidden_size * config.decoder.vocab_size * num_loss_tokens,
    )


def tower_flops(tower: VisionTower, config: ModelConfig) -> int:
    """Returns the operations of the tower for one image."""
    vision = config.vision
    if isinstance(tower, LinearPatches):
        return 2 * tower.projection.weight.numel() * vision.num_patches
    tokens = vision.num_patches + _num_prefix_tokens(tower)
    per_token = sum(_matrices(block) for block in tower.blocks)
    attention = 4 * vision.width * tokens**2 * len(tower.blocks)
    patches = 2 * 3 * vision.patch_size**2 * vision.width * vision.num_patches
    return patches + 2 * per_token * tokens + attention


def connector_flops(connector: nn.Module, config: ModelConfig) -> int:
    """Returns the operations of the connector for one image."""
    num_patches, num_tokens = config.vision.num_patches, config.connector.num_tokens
    if isinstance(connector, CAbstractor):
        before, _, after = connector.net
        readout = 2 * _matrices(connector.readout) * num_tokens
        return _stage_flops(before, num_patches) + _stage_flops(after, num_tokens) + readout
    if isinstance(connector, AttentionPool):
        keys_and_values = 2 * (_matrices(connector.key) + _matrices(connector.value)) * num_patches
        outside = 2 * (_matrices(connector.query) + _matrices(connector.projection)) * num_tokens
        return keys_and_values + outside + 4 * config.connector.hidden_size * num_tokens * num_patches
    places = num_tokens if isinstance(connector, AveragePool) else num_patches
    return 2 * _matrices(connector) * places


def _stage_flops(stage: nn.Module, places: int) -> int:
    # Squeeze-and-excitation works on the mean of the grid: at one place.
    squeeze = sum(_matrices(m) for m in stage.modules() if isinstance(m, SqueezeExcitation))
    return 2 * (_matrices(stage) - squeeze) * places + 2 * squeeze


def _active_matrices(layer: nn.Module, moe: MoEConfig | None) -> int:
    idle = sum(_idle(m, moe) for m in layer.modules() if isinstance(m, MixtureOfExperts))
    return _matrices(layer) - idle


def _idle_experts(model: MM1) -> int:
    modules = model.decoder.modules()
    return sum(_idle(m, model.config.moe) for m in modules if isinstance(m, MixtureOfExperts))


def _experts(model: MM1) -> int:
    modules = model.decoder.modules()
    return sum(_numel((m.gate_EFD, m.up_EFD, m.down_EDF)) for m in modules if isinstance(m, MixtureOfExperts))


def _idle(experts: MixtureOfExperts, moe: MoEConfig | None) -> int:
    if moe is None:
        return 0
    all_experts = _numel((experts.gate_EFD, experts.up_EFD, experts.down_EDF))
    return all_experts // moe.num_experts * (moe.num_experts - moe.top_k)


def _num_prefix_tokens(tower: VisionTower) -> int:
    trunk = getattr(tower, "trunk", None)
    return 1 if trunk is None else int(trunk.num_prefix_tokens)


def _matrices(module: nn.Module) -> int:
    return _numel(p for p in module.parameters() if p.dim() >= 2)


def _numel(parameters: Iterable[torch.Tensor]) -> int:
    return sum(p.numel() for p in parameters)
