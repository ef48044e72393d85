"""One matrix product for all experts: ``F.grouped_mm`` on CUDA, a loop elsewhere and where that fails.

A row's result must not depend on how many rows stand beside it: the number of an expert's rows is a
matter of the other samples in the row. ``F.grouped_mm`` lays tiles of one size over each group on
CUDA. On the CPU it is a loop over plain products, and those choose another kernel, with another
order of sums, for the rows that do not fill a block; so our own loop fills them up.

Legend: R rows sorted by expert, E experts, I and O the widths of input and output, N rows of one
expert.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

ALIGNMENT_BYTES = 16
"""``grouped_mm`` asks that rows begin at multiples of this."""

ROW_MULTIPLE = 16
"""The loop's products have a multiple of so many rows, or of the power of two that holds all rows
there are. MKL's kernels take 4 to 12 rows at a time and others the rest, on each thread; in products
of such sizes every row has the same bits wherever it stands, with 1 to 32 threads and with every
instruction set from SSE 4.2 to AVX-512.
"""

_log = logging.getLogger(__name__)


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
    trusted = rows_RI.is_cuda and _aligned(rows_RI, weight_EOI)
    if trusted and grouped_mm_works(rows_RI.device, rows_RI.dtype):
        return grouped(rows_RI, weight_EOI, ends_E)
    return looped(rows_RI, weight_EOI, ends_E)


def grouped(rows_RI: Tensor, weight_EOI: Tensor, ends_E: Tensor) -> Tensor:
    """``grouped_linear`` by ``F.grouped_mm``."""
    out_RO = F.grouped_mm(rows_RI, weight_EOI.transpose(1, 2), offs=ends_E)
    return _ContiguousGradient.apply(out_RO)  # type: ignore[no-any-return]


def looped(rows_RI: Tensor, weight_EOI: Tensor, ends_E: Tensor) -> Tensor:
    """``grouped_linear`` by one product an expert. Waits for the device once."""
    counts = ends_E.diff(prepend=ends_E.new_zeros(1)).tolist()
    parts = zip(torch.split(rows_RI, counts), weight_EOI.unbind(0), strict=True)
    # One token's few rows, as in generation, are not blown up to a whole block.
    multiple = min(ROW_MULTIPLE, 1 << max(rows_RI.shape[0] - 1, 0).bit_length())
    return torch.cat([_linear(rows, weight, multiple) for rows, weight in parts])


def _linear(rows_NI: Tensor, weight_OI: Tensor, multiple: int) -> Tensor:
    num_rows = rows_NI.shape[0]
    return F.linear(F.pad(rows_NI, (0, 0, 0, -num_rows % multiple)), weight_OI)[:num_rows]


@lru_cache(maxsize=16)
def grouped_mm_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether ``F.grouped_mm`` agrees with the loop here, and gives empty experts no gradient.

    Some GPUs and versions answered with NaN or with gradients for experts without rows
    (pytorch issues 172439 and 193633), so the first use on a device tries it. A failure is logged.
    """
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        try:
            outcome = [_probe(f, device, dtype) for f in (grouped, looped)]
        except RuntimeError as error:
            return _distrust(device, dtype, str(error))
    pairs = zip(*outcome, strict=True)
    if all(torch.allclose(a.float(), b.float(), atol=1e-2, rtol=1e-2) for a, b in pairs):
        return True
    return _distrust(device, dtype, "its values or gradients are wrong")


def _distrust(device: torch.device, dtype: torch.dtype, reason: str) -> bool:
    _log.warning("F.grouped_mm fails its self-test on %s in %s: %s; experts take a loop", device, dtype, reason)
    return False


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
