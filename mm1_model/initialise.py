"""Random weights for a new model, the same from the same seed on every device.

The paper says nothing of initialisation. The decoder takes GPT-2's: a normal of 0.02, and the
projections that write into the residual stream divided by ``sqrt(2 * layers)``, so that its
variance does not grow with depth (GPT-2 report, section 2.3).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from mm1_model.decoder import Attention, Decoder
from mm1_model.feed_forward import SwiGLU
from mm1_model.moe import MixtureOfExperts

STANDARD_DEVIATION = 0.02


def initialise(model: nn.Module, *, seed: int) -> None:
    """Fills all parameters of ``model`` in place; a model on the meta device needs ``to_empty``.

    Global random state is left as it was. Draws are made on the CPU, so that a GPU run starts from
    the same weights.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                _fill(module, name, parameter, generator)
        for module in model.modules():
            if isinstance(module, Decoder):
                _scale_residual_projections(module)


def _fill(module: nn.Module, name: str, parameter: nn.Parameter, generator: torch.Generator) -> None:
    is_norm = isinstance(module, nn.RMSNorm | nn.LayerNorm | nn.GroupNorm)
    if is_norm and name == "weight":
        parameter.fill_(1.0)
    elif name.endswith("bias"):
        parameter.zero_()
    elif name in ("gamma", "gain"):
        parameter.fill_(_layer_scale(module))
    else:
        assign(parameter, _draw(module, parameter.shape, generator))


def assign(parameter: torch.Tensor, values: torch.Tensor) -> None:
    """Copies whole ``values`` into a tensor of which this rank may hold a part."""
    if isinstance(parameter, DTensor):
        # Every rank has drawn the same values and keeps its own part: nothing is sent.
        sharded = distribute_tensor(
            values.to(parameter.device),
            parameter.device_mesh,
            parameter.placements,
            src_data_rank=None,
        )
        parameter.copy_(sharded)
    else:
        parameter.copy_(values)


def _draw(module: nn.Module, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    values = torch.empty(shape)
    if isinstance(module, nn.Conv2d):
        # A depthwise kernel has few inputs: with 0.02 its output would vanish.
        return nn.init.kaiming_uniform_(values, a=math.sqrt(5), generator=generator)
    return nn.init.trunc_normal_(
        values,
        std=STANDARD_DEVIATION,
        a=-3 * STANDARD_DEVIATION,
        b=3 * STANDARD_DEVIATION,
        generator=generator,
    )


def _layer_scale(module: nn.Module) -> float:
    return float(getattr(module, "init_values", 1e-5))


def _scale_residual_projections(decoder: Decoder) -> None:
    factor = 1.0 / math.sqrt(2 * decoder.config.num_layers)
    for module in decoder.modules():
        if isinstance(module, Attention):
            module.output.weight.mul_(factor)
        elif isinstance(module, SwiGLU):
            module.down.weight.mul_(factor)
        elif isinstance(module, MixtureOfExperts):
            module.down_EDF.mul_(factor)
