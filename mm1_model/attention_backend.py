"""Which attention backend a device gets: the fastest that passes a trial there.

Legend: T positions, H query heads, K key-value heads, D features of a head.
"""

from __future__ import annotations

import logging
from functools import lru_cache

import torch
from torch import Tensor

from mm1_model.attention import AttentionBackend, packed_attention
from mm1_model.eager import uncompiled

TOLERANCE = 5e-2
"""Largest error, relative to the largest value: bfloat16 keeps 8 bits, and gradients are sums."""

_LENGTHS = (5, 40, 1, 82)
"""Of the trial's samples: shorter and longer than a kernel's block, and one without neighbours."""

_REASON_LENGTH = 200
"""Characters of an error that are logged: torch appends lists of all that it could have run."""

_log = logging.getLogger(__name__)


def choose_backend(device: torch.device, dtype: torch.dtype, *, bidirectional_images: bool = False) -> AttentionBackend:
    """Returns the fastest backend that works for training on ``device`` in ``dtype``."""
    if device.type == "cuda" and dtype in (torch.bfloat16, torch.float16):
        fastest: AttentionBackend = "flex" if bidirectional_images else "varlen"
        if backend_works(fastest, device, dtype):
            return fastest
    return "sdpa"


@uncompiled
def backend_works(backend: AttentionBackend, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a backend gives the dense mask's values and gradients here.

    Kernels come and go with GPUs, drivers and versions, so the first use on a device tries one. A
    failure is logged with its reason.
    """
    return _trial(backend, device, dtype)


@lru_cache(maxsize=16)
def _trial(backend: AttentionBackend, device: torch.device, dtype: torch.dtype) -> bool:
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        try:
            mine, reference = (_probe(each, device, dtype) for each in (backend, "dense"))
        except (RuntimeError, ImportError, AssertionError) as error:
            return _distrust(backend, device, dtype, str(error).strip()[:_REASON_LENGTH])
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(mine, reference, strict=True))
    # Not "worst > TOLERANCE", which NaN passes.
    if worst <= TOLERANCE:
        return True
    return _distrust(backend, device, dtype, f"it is off the dense mask by {worst:.3g} of the largest value")


def _distrust(backend: AttentionBackend, device: torch.device, dtype: torch.dtype, reason: str) -> bool:
    _log.warning(
        "attention backend %r fails its self-test on %s in %s: %s; 'sdpa' takes its place",
        backend,
        device,
        dtype,
        reason,
    )
    return False


def _probe(backend: AttentionBackend, device: torch.device, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    q_THD, k_TKD, v_TKD, weights_THD = (
        torch.randn(sum(_LENGTHS), heads, 64, generator=generator).to(device, dtype).requires_grad_()
        for heads in (4, 2, 2, 4)
    )
    cu_seqlens = torch.tensor([0, *_LENGTHS]).cumsum(0).to(torch.int32).to(device)
    context = packed_attention(cu_seqlens, max(_LENGTHS), backend=backend)
    out_THD = context.attend(q_THD, k_TKD, v_TKD)
    gradients = torch.autograd.grad(out_THD, (q_THD, k_TKD, v_TKD), weights_THD.detach())
    return [tensor.detach().float() for tensor in (out_THD, *gradients)]
