"""One product for all experts equals a product an expert, on every path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mm1_model import grouped_matmul
from mm1_model.grouped_matmul import grouped, grouped_linear, grouped_mm_works, looped

ENDS = [3, 3, 10, 11]


def operands(inputs: int = 8, outputs: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(11, inputs, generator=generator).requires_grad_()
    weight = torch.randn(4, outputs, inputs, generator=generator).requires_grad_()
    return rows, weight, torch.tensor(ENDS, dtype=torch.int32)


@pytest.mark.parametrize("path", [grouped, looped, grouped_linear])
def test_each_row_meets_its_own_expert(path: object) -> None:
    rows, weight, ends = operands()

    out = path(rows, weight, ends)  # type: ignore[operator]

    expert_of_row = [0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 3]
    wanted = torch.stack([weight[e] @ row for e, row in zip(expert_of_row, rows, strict=True)])
    torch.testing.assert_close(out, wanted, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("path", [grouped, looped])
def test_an_expert_without_rows_gets_no_gradient(path: object) -> None:
    rows, weight, ends = operands()

    path(rows, weight, ends).sum().backward()  # type: ignore[operator]

    assert weight.grad is not None
    assert not weight.grad[1].any()
    assert all(weight.grad[e].any() for e in (0, 2, 3))


def test_widths_that_grouped_mm_refuses_take_the_loop() -> None:
    rows, weight, ends = operands(inputs=7, outputs=5)

    torch.testing.assert_close(grouped_linear(rows, weight, ends), looped(rows, weight, ends))


def test_a_device_that_fails_the_self_test_takes_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> Tensor:
        return torch.full((12, 8), float("nan"), requires_grad=True)

    monkeypatch.setattr(F, "grouped_mm", wrong)
    grouped_mm_works.cache_clear()
    rows, weight, ends = operands()

    try:
        assert not grouped_mm_works(rows.device, rows.dtype)
        out = grouped_linear(rows, weight, ends)
    finally:
        grouped_mm_works.cache_clear()

    assert torch.equal(out, looped(rows, weight, ends))


def test_this_machine_passes_the_self_test() -> None:
    assert grouped_matmul.grouped_mm_works(torch.device("cpu"), torch.float32)
    assert grouped_matmul.grouped_mm_works(torch.device("cpu"), torch.bfloat16)
