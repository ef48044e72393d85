"""One product for all experts equals a product an expert, on every path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mm1_model.grouped_matmul import grouped, grouped_linear, grouped_mm_works, looped

EXACT = F.grouped_mm
ENDS = [3, 3, 10, 11]

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 192), (192, 64), (24, 16)])
def test_a_rows_bits_do_not_depend_on_the_rows_beside_it(inputs: int, outputs: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    copies = torch.randn(1, outputs, inputs, generator=generator).to(dtype).expand(3, -1, -1)

    for total in (*range(1, 40), 64, 100, 255, 257):
        rows = torch.randn(total, inputs, generator=generator).to(dtype)
        # The experts are copies of one, so however the rows are divided each has one right answer.
        divided = [
            grouped_linear(rows, copies, torch.tensor([first, second, total], dtype=torch.int32))
            for first, second in ((0, total), (1, 1), (total // 3, total // 2), (0, total - 1), (total // 2, total))
        ]

        assert all(torch.equal(out, divided[0]) for out in divided), total


def test_a_group_without_rows_is_nothing() -> None:
    _, weight, _ = operands()

    out = looped(torch.zeros(0, 8), weight, torch.zeros(4, dtype=torch.int32))

    assert out.shape == (0, 16)


def failing(*_: object, **__: object) -> Tensor:
    raise RuntimeError("no kernel")


def wrong(rows: Tensor, weight: Tensor, *, offs: Tensor) -> Tensor:
    """Right values; a gradient for every expert's weight, also for those without rows."""
    return EXACT(rows, weight, offs=offs) + 0.1 * (weight.sum() - weight.sum().detach())


@pytest.fixture
def forget_trials() -> Iterator[None]:
    grouped_mm_works.cache_clear()
    yield
    grouped_mm_works.cache_clear()


@pytest.mark.usefixtures("forget_trials")
@pytest.mark.parametrize(("product", "reason"), [(failing, "no kernel"), (wrong, "its values or gradients are wrong")])
def test_a_device_that_fails_the_self_test_says_so_once(
    product: object, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(F, "grouped_mm", product)

    works = [grouped_mm_works(torch.device("cpu"), torch.float32) for _ in range(2)]

    assert works == [False, False]
    assert caplog.messages == [
        f"F.grouped_mm fails its self-test on cpu in torch.float32: {reason}; experts take a loop"
    ]


@pytest.mark.usefixtures("forget_trials")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_self_test_passes_what_is_right(dtype: torch.dtype) -> None:
    assert grouped_mm_works(torch.device("cpu"), dtype)


@needs_cuda
def test_a_gpu_passes_the_self_test() -> None:
    assert grouped_mm_works(torch.device("cuda"), torch.bfloat16)


@needs_cuda
def test_widths_that_grouped_mm_refuses_take_the_loop() -> None:
    rows, weight, ends = (x.detach().cuda() for x in operands(inputs=7, outputs=5))
    rows, weight = rows.bfloat16(), weight.bfloat16()

    torch.testing.assert_close(grouped_linear(rows, weight, ends), looped(rows, weight, ends))
