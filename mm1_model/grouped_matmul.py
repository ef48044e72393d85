"""One matrix product for all experts: ``F.grouped_mm``, or a loop where it cannot be trusted.

Legend: R rows sorted by expert, E experts, I and O the widths of input and output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

ALIGNMENT_BYTES = 16
"""``grouped_mm`` asks that rows begin at multiples of this."""


def grouped_linear(rows_RI: Tensor, weight_EOI: Tensor, ends_E: Tensor) -> Tensor:
    """Multiplies each expert's rows with that expert's weight.

    Args:
        rows_RI: ``(R, I)``, those of expert 0 first.
        weight_EOI: ``(E, O, I)``, as ``nn.Linear`` keeps its weight.
        ends_E: ``(E,)`` int32, where each expert's rows end; the last is R.

    Returns:
        ``(R, O)``.
    """
    kind = rows_RI.device.type
    if torch.is_autocast_enabled(kind):
        # Autocast knows nn.Linear but not grouped_mm.
        rows_RI = rows_RI.to(torch.get_autocast_dtype(kind))
    weight_EOI = weight_EOI.to(rows_RI.dtype)
    if _aligned(rows_RI, weight_EOI) and grouped_mm_works(rows_RI.device, rows_RI.dtype):
        return grouped(rows_RI, weight_EOI, ends_E)
    return looped(rows_RI, weight_EOI, ends_E)


def grouped(rows_RI: Tensor, weight_EOI: Tensor, ends_E: Tensor) -> Tensor:
    """``grouped_linear`` by ``F.grouped_mm``."""
    out_RO = F.grouped_mm(rows_RI, weight_EOI.transpose(1, 2), offs=ends_E)
    return _ContiguousGradient.apply(out_RO)  # type: ignore[no-any-return]


def looped(rows_RI: Tensor, weight_EOI: Tensor, ends_E: Tensor) -> Tensor:
    """``grouped_linear`` by one product an expert. Waits for the device once."""
    ends = ends_E.tolist()
    starts = [0, *ends[:-1]]
    outs = [
        F.linear(rows_RI[start:end], weight)
        for start, end, weight in zip(starts, ends, weight_EOI.unbind(0), strict=True)
    ]
    return torch.cat(outs)


@lru_cache(maxsize=16)
def grouped_mm_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether ``F.grouped_mm`` agrees with the loop here, and gives empty experts no gradient.

    Some GPUs and versions answered with NaN or with gradients for experts without rows
    (pytorch issues 172439 and 193633), so the first use on a device tries it.
    """
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        try:
            outcome = [_probe(f, device, dtype) for f in (grouped, looped)]
        except (RuntimeError, NotImplementedError):
            return False
    pairs = zip(*outcome, strict=True)
    return all(torch.allclose(a.float(), b.float(), atol=1e-2, rtol=1e-2) for a, b in pairs)


def _probe(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, ...]:
    steps = torch.arange(12 * 16, device=device, dtype=torch.float32).view(12, 16)
    rows = (steps.sin()).to(dtype).requires_grad_()
    planes = torch.arange(4 * 8 * 16, device=device, dtype=torch.float32).view(4, 8, 16)
    weight = (planes.cos() / 4).to(dtype).requires_grad_()
    ends = torch.tensor([5, 5, 12, 12], device=device, dtype=torch.int32)
    out = function(rows, weight, ends)
    return (out.detach(), *torch.autograd.grad(out, (rows, weight), torch.ones_like(out)))


def _aligned(rows_RI: Tensor, weight_EOI: Tensor) -> bool:
    size = rows_RI.element_size()
    return all(width * size % ALIGNMENT_BYTES == 0 for width in weight_EOI.shape[1:])


class _ContiguousGradient(torch.autograd.Function):
    """The identity. ``grouped_mm`` refuses the gradients with stride 0 that ``sum`` sends back."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        """Returns ``x``."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        """Returns ``gradient``, laid out in memory."""
        return gradient.contiguous()
