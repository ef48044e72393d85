"""One optimizer step: gradients of a summed loss, divided once, clipped, judged, applied."""

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from mm1_model.batch import PackedBatch
from mm1_model.model import ModelOutput
from mm1_model.train.distributed import Ranks
from mm1_model.train.sums import MicroBatch, Sums, add_up


def accumulate(
    model: nn.Module, batches: Iterator[PackedBatch], count: int, *, ranks: Ranks, autocast: torch.autocast
) -> Sums:
    """Adds the gradients of the summed loss of ``count`` micro-batches to the parameters.

    Sums and not means: ranks and micro-batches hold different numbers of loss tokens, and each token counts alike.

    Returns:
        The sums of this rank.
    """
    done, wait_s = list[MicroBatch](), 0.0
    for _ in range(count):
        started = time.monotonic()
        batch = next(batches)
        wait_s += time.monotonic() - started
        loss_tokens = int(batch.loss_mask_T.sum())
        with autocast:
            output: ModelOutput = model(batch.to(ranks.device))
        objective = output.cross_entropy_sum + output.z_loss_sum + output.router_loss * loss_tokens
        objective.backward()  # type: ignore[no-untyped-call]
        done.append(MicroBatch.of(batch, output))
    sums = add_up(done)
    sums.wait_s = wait_s
    return sums


def gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Returns the gradients of all trainable parameters; one that nothing reached gets zeros.

    So each step changes every parameter, and AdamW's step count is one number for all.
    """
    found = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            found.append(parameter.grad)
    return found


def gradient_norm(grads: list[Tensor], *, loss_tokens: float) -> float:
    """Returns the global L2 norm of the gradient of the mean loss, the same on every rank."""
    norm = get_total_norm(grads, foreach=True)
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    return float(norm) / loss_tokens if loss_tokens else math.nan


def scale_and_clip(grads: list[Tensor], *, loss_tokens: float, norm: float, clip_norm: float) -> None:
    """Divides summed gradients by the loss tokens and limits their norm, in one pass."""
    factor = min(1.0, clip_norm / norm) if norm > 0 else 1.0
    torch._foreach_mul_(grads, factor / loss_tokens)
