"""The network of a run: settings resolved, weights made or read, blocks recomputed, compiled and sharded."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.utils.checkpoint import checkpoint

from mm1_model.config import ModelConfig, VisionConfig
from mm1_model.initialise import initialise
from mm1_model.model import MM1, empty_model
from mm1_model.moe import MixtureOfExperts
from mm1_model.presets import preset
from mm1_model.train.config import ModelSettings, TrainConfig, flatten
from mm1_model.train.distributed import Ranks
from mm1_model.vision import open_clip_vision_config
from mm1_model.weights.files import read_tensors
from mm1_model.weights.hub import checkpoint_folder
from mm1_model.weights.pretrained import load_pretrained_parts, read_decoder_config
from mm1_model.weights.state import fill
from schemas.row_layout import SpecialTokens

_VOCABULARY_STEP = 64
"""The vocabulary is rounded up to a multiple: matrix units want it, and the rows too many are never a target."""


def resolve_network(
    settings: ModelSettings,
    *,
    vocabulary: int,
    special: SpecialTokens,
    tokens_per_image: int,
    sequence_length: int,
    z_loss: float | None = None,
) -> ModelConfig:
    """Returns the network that fits the shards.

    Args:
        settings: Preset and overrides.
        vocabulary: Size of the shards' tokenizer.
        special: Its special tokens.
        tokens_per_image: Positions that the shards keep for an image.
        sequence_length: Positions of a row, hence of the longest sample.
        z_loss: Replaces the preset's weight.

    Raises:
        ValueError: there is no such preset or field, or the network does not fit the shards.
    """
    base = preset(
        settings.preset,
        vocab_size=-(-vocabulary // _VOCABULARY_STEP) * _VOCABULARY_STEP,
        placeholder_id=special.image,
        begin_id=special.begin,
        end_id=special.end,
        vision=_named_tower(settings.overrides),
        tokens_per_image=tokens_per_image,
    )
    base = _with_named_decoder(base, settings.overrides)
    if z_loss is not None:
        base = replace(base, z_loss_weight=z_loss)
    base = replace(base, decoder=replace(base.decoder, max_positions=sequence_length))
    network = ModelConfig.from_dict(_override(base.to_dict(), settings.overrides))
    _require_fit(network, vocabulary, tokens_per_image)
    return network


def _named_tower(overrides: Mapping[str, Any]) -> VisionConfig | None:
    """Returns the settings of the open_clip tower that ``vision.model`` names, None where it stays the preset's."""
    flat = flatten(overrides)
    model = flat.get("vision.model")
    builds_itself = flat.get("vision.kind", "open_clip") != "open_clip" or any("architecture" in name for name in flat)
    if model is None or builds_itself:
        return None
    return open_clip_vision_config(str(model), pretrained=flat.get("vision.pretrained"))


def _with_named_decoder(base: ModelConfig, overrides: Mapping[str, Any]) -> ModelConfig:
    """Returns the settings with the decoder of the checkpoint that ``decoder.pretrained`` names, if it names one."""
    name = flatten(overrides).get("decoder.pretrained")
    if name is None:
        return base
    decoder, moe = read_decoder_config(checkpoint_folder(str(name)))
    # More rows than the tokenizer has tokens do no harm; fewer than the checkpoint has would not load.
    rows = max(base.decoder.vocab_size, decoder.vocab_size)
    return replace(base, decoder=replace(decoder, vocab_size=rows, pretrained=str(name)), moe=moe)


def rule_parameters(model: MM1) -> int:
    """Returns N of MM1's learning-rate rule: the decoder without its embedding and output matrices.

    Of experts one a layer counts, and no router: a sparse model takes the hyper-parameters of its dense backbone (MM1,
    section 3.4).
    """
    all_layers = sum(p.numel() for p in model.decoder.layers.parameters())
    extra = 0
    for module in model.decoder.modules():
        if isinstance(module, MixtureOfExperts):
            experts = sum(p.numel() for p in (module.gate_EFD, module.up_EFD, module.down_EDF))
            extra += module.router.weight.numel() + experts - experts // module.config.num_experts
    return all_layers - extra + sum(p.numel() for p in model.head.norm.parameters())


def outline(network: ModelConfig) -> MM1:
    """Returns the network on the meta device: shapes and names, no numbers."""
    with torch.device("meta"):
        return MM1(network)


def make_model(network: ModelConfig, config: TrainConfig, ranks: Ranks) -> MM1:
    """Returns the model on its device with its first weights: the same ones for any number of ranks.

    Among several ranks each block and the rest become units of FSDP2, and no rank ever holds more than its parts and
    one whole tensor. The connector, embedding and head belong to the root. Every rank runs tower and connector in every
    micro-batch, on a black image where it has none, since all ranks must reach the same collectives.

    Raises:
        ValueError: the initial weights do not fit; every tensor that does not is named.
    """
    model = outline(network)
    computes_tables = any(True for _ in model.buffers())
    if not ranks.is_distributed or computes_tables:
        # A tower that computes tables when it is made would lose them on the meta device.
        model = empty_model(network, device=ranks.device)
    _prepare_blocks(model, config)
    if ranks.is_distributed:
        _shard(model, config, ranks)
        if not computes_tables:
            model.to_empty(device=ranks.device)
            model.tie_weights()
    initialise(model, seed=config.seed)
    _load_weights(model, config)
    return model


def _prepare_blocks(model: MM1, config: TrainConfig) -> None:
    for block in model.blocks():
        if config.recompute:
            # The instance's forward, not a wrapper: parameters keep their names.
            block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
        if config.compile:
            # Rows have another length each time.
            block.compile(dynamic=True)


def _load_weights(model: MM1, config: TrainConfig) -> None:
    if config.model.initial_weights is None:
        load_pretrained_parts(model)
        return
    folder = Path(config.model.initial_weights)
    fill(model, read_tensors(folder), source=str(folder))


def reshard(model: nn.Module) -> None:
    """Gives back the whole parameters that a forward pass without a backward pass leaves on every rank."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def autocast(config: TrainConfig, ranks: Ranks) -> torch.autocast:
    """Returns the context of the forward pass: FSDP casts by itself, one process alone by autocast."""
    enabled = config.dtype == "bfloat16" and not ranks.is_distributed
    return torch.autocast(ranks.device.type, dtype=torch.bfloat16, enabled=enabled)


def _shard(model: MM1, config: TrainConfig, ranks: Ranks) -> None:
    mesh = init_device_mesh(ranks.device.type, (ranks.world_size,))
    param_dtype = torch.bfloat16 if config.dtype == "bfloat16" else None
    policy = MixedPrecisionPolicy(param_dtype=param_dtype, reduce_dtype=torch.float32)
    for block in model.blocks():
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # Sums, not means: the loss is divided once, by the loss tokens of all ranks.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # Plain sums, which gloo has too.


def _override(values: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in flatten(overrides).items():
        *path, leaf = name.split(".")
        target = values
        for depth, part in enumerate(path):
            inner = target.get(part)
            if not isinstance(inner, dict):
                raise ValueError(f"model.overrides: {name}: there is no group {'.'.join(path[: depth + 1])!r} to set")
            target = inner
        target[leaf] = value
    return values


def _require_fit(network: ModelConfig, vocabulary: int, tokens_per_image: int) -> None:
    if network.tokens_per_image != tokens_per_image:
        raise ValueError(
            f"model.overrides: the network gives {network.tokens_per_image} tokens an image, the shards keep"
            f" {tokens_per_image} places; set connector.num_tokens to {tokens_per_image}"
        )
    if network.decoder.vocab_size < vocabulary:
        raise ValueError(
            f"model.overrides: decoder.vocab_size {network.decoder.vocab_size} is less than the tokenizer's"
            f" {vocabulary}"
        )
