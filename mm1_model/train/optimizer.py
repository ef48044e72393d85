"""AdamW and its parameter groups."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from mm1_model.train.config import OptimizerSettings

_NOT_MATRICES = ("embed", "position", "query_tokens", "queries", "latent")
"""Words in the names of raw parameters that are tables of vectors, one a place: decay would pull each vector to 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroups:
    """Names of the trainable parameters, in the module's order."""

    decayed: tuple[str, ...]
    """Matrices and kernels: linear and convolution weights, experts."""

    undecayed: tuple[str, ...]
    """Norms, biases and other vectors; embeddings of tokens and places."""


def parameter_groups(model: nn.Module) -> ParameterGroups:
    """Returns which trainable parameters decay.

    Decay belongs to what multiplies activations that a norm rescales. It does no good to gains and biases, and on
    embeddings it shrinks the activations of the first layers until their gradients grow (OLMo 2, arXiv 2501.00656,
    section 3). MM1 does not say what it decays.
    """
    owners = dict(_owners(model))
    decayed: list[str] = []
    undecayed: list[str] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (decayed if _decays(name, parameter, owners[name]) else undecayed).append(name)
    return ParameterGroups(decayed=tuple(decayed), undecayed=tuple(undecayed))


def build_optimizer(model: nn.Module, settings: OptimizerSettings, *, learning_rate: float) -> torch.optim.AdamW:
    """Returns AdamW over the trainable parameters of ``model``, with two groups: decayed, then undecayed.

    The state is created at once, as zeros, so that a checkpoint can be read into it.

    Raises:
        ValueError: nothing is trainable.
    """
    groups = parameter_groups(model)
    parameters = dict(model.named_parameters())
    if not groups.decayed and not groups.undecayed:
        raise ValueError("the model has no trainable parameter: every part is frozen")
    device = next(iter(parameters.values())).device
    optimizer = torch.optim.AdamW(
        [
            {"params": [parameters[n] for n in groups.decayed], "weight_decay": settings.weight_decay},
            {"params": [parameters[n] for n in groups.undecayed], "weight_decay": 0.0},
        ],
        lr=learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.eps,
        fused=device.type == "cuda" or None,
        foreach=True if device.type == "cpu" else None,
    )
    return optimizer


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the rate of the next step for all groups."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def _owners(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, _ in module.named_parameters(recurse=False, remove_duplicate=False):
            yield (f"{prefix}.{name}" if prefix else name), module


def _decays(name: str, parameter: nn.Parameter, owner: nn.Module) -> bool:
    if parameter.dim() < 2 or isinstance(owner, nn.Embedding):
        return False
    leaf = name.rpartition(".")[2]
    return not any(word in leaf for word in _NOT_MATRICES)
