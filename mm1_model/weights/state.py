"""Puts named tensors into a module, or says all that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from mm1_model.initialise import assign


class WeightsError(ValueError):
    """Weights that do not fit the model: every missing, unexpected and misshapen tensor."""


def fill(module: nn.Module, tensors: Iterable[tuple[str, Tensor]], *, source: str) -> None:
    """Copies ``tensors`` into the parameters and buffers of ``module``, one at a time.

    Names are compared first with what has come, and values are cast to the parameters' type, so a
    large checkpoint is never in memory twice.

    Raises:
        WeightsError: names every tensor that is missing, unexpected or misshapen. The module is
            then partly filled.
    """
    targets = expected_tensors(module)
    missing, unexpected, misshapen = set(targets), list[str](), list[str]()
    for name, tensor in tensors:
        target = targets.get(name)
        if target is None:
            unexpected.append(name)
            continue
        missing.discard(name)
        if target.shape != tensor.shape:
            misshapen.append(f"{name} is {_shape(tensor)}, the model needs {_shape(target)}")
            continue
        with torch.no_grad():
            assign(target, tensor)
    raise_if_any(source, sorted(missing), sorted(unexpected), sorted(misshapen))


def expected_tensors(module: nn.Module) -> Mapping[str, Tensor]:
    """Returns what a checkpoint of ``module`` holds; a tied tensor stands under its first name."""
    state = module.state_dict()
    first: dict[int, str] = {}
    kept: dict[str, Tensor] = {}
    aliases = dict(module.named_parameters(remove_duplicate=False))
    for name, tensor in state.items():
        identity = id(aliases.get(name, tensor))
        if identity not in first:
            first[identity] = name
            kept[name] = tensor
    return kept


def raise_if_any(source: str, missing: Sequence[str], unexpected: Sequence[str], misshapen: Sequence[str]) -> None:
    """Raises ``WeightsError`` with all three lists, unless all are empty."""
    lists = (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
    parts = [f"{len(names)} {title}: {', '.join(names)}" for title, names in lists if names]
    if parts:
        raise WeightsError(f"the weights of {source} do not fit the model; " + "; ".join(parts))


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
