"""The chunked loss equals cross-entropy on whole logits, in values and in gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mm1_model import loss
from mm1_model.loss import LanguageHead


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunks_equal_whole_logits(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_POSITIONS", chunk)
    torch.manual_seed(0)
    head = LanguageHead(8, 20, eps=1e-5)
    hidden_ND = torch.randn(7, 8, requires_grad=True)
    targets_N = torch.randint(0, 20, (7,))
    inputs = (hidden_ND, *head.parameters())

    got = head(hidden_ND, targets_N)
    logits_NV = F.linear(head.norm(hidden_ND), head.projection.weight)
    wanted = F.cross_entropy(logits_NV, targets_N, reduction="none")

    torch.testing.assert_close(got.cross_entropy_N, wanted)
    torch.testing.assert_close(got.log_partition_N, logits_NV.logsumexp(1))
    weights = torch.arange(1.0, 8.0)
    mine = torch.autograd.grad((got.cross_entropy_N * weights + got.log_partition_N**2).sum(), inputs)
    theirs = torch.autograd.grad((wanted * weights + logits_NV.logsumexp(1) ** 2).sum(), inputs)
    for gradient, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(gradient, other, atol=2e-5, rtol=1e-4)


def test_logits_of_a_bfloat16_model_are_float32() -> None:
    head = LanguageHead(8, 20, eps=1e-5).to(torch.bfloat16)

    logits_NV = head.logits(torch.randn(3, 8, dtype=torch.bfloat16))

    assert logits_NV.dtype == torch.float32


def test_no_position_gives_no_loss_and_a_zero_gradient() -> None:
    head = LanguageHead(8, 20, eps=1e-5)
    hidden_ND = torch.zeros(0, 8, requires_grad=True)

    losses = head(hidden_ND, torch.zeros(0, dtype=torch.int64))
    losses.cross_entropy_N.sum().backward()

    assert losses.cross_entropy_N.shape == (0,)
    assert head.projection.weight.grad is not None
    assert not head.projection.weight.grad.any()
