"""Experts: routing, capacity and losses by hand, and the whole layer against Mixtral's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mm1_model.config import MoEConfig
from mm1_model.moe import (
    MixtureOfExperts,
    choose_experts,
    expert_capacity,
    router_statistics,
    sort_by_expert,
    within_capacity,
)
from tests.mm1_model.examples import debug_model, packed

CONFIG = MoEConfig(num_experts=4, every=2)


def layer(config: MoEConfig = CONFIG, hidden: int = 16, inside: int = 24) -> MixtureOfExperts:
    torch.manual_seed(0)
    moe = MixtureOfExperts(hidden, inside, config)
    for parameter in moe.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return moe


def one_by_one(moe: MixtureOfExperts, x_TD: Tensor) -> Tensor:
    """Each token through each of its experts, as the definition says."""
    out = torch.zeros_like(x_TD)
    for t, x in enumerate(x_TD):
        probabilities = F.linear(x, moe.router.weight).softmax(0)
        best = probabilities.topk(moe.config.top_k)
        for gate, e in zip(best.values / best.values.sum(), best.indices, strict=True):
            inner = F.silu(moe.gate_EFD[e] @ x) * (moe.up_EFD[e] @ x)
            out[t] += gate * (moe.down_EDF[e] @ inner)
    return out


def test_gates_of_the_two_likeliest_experts_are_renormalised() -> None:
    logits_TE = torch.tensor([[0.0, 1.0, 2.0, -5.0]])

    gates_Tk, experts_Tk = choose_experts(logits_TE, 2)

    # e^2 and e^1 of e^2 + e^1.
    assert experts_Tk.tolist() == [[2, 1]]
    torch.testing.assert_close(gates_Tk, torch.tensor([[0.7310586, 0.2689414]]))


def test_rows_are_sorted_by_expert_and_keep_token_order() -> None:
    experts_Tk = torch.tensor([[2, 0], [0, 3], [2, 3]])

    routing = sort_by_expert(experts_Tk, 4)

    # Rows are numbered 0, 1 for token 0; 2, 3 for token 1; 4, 5 for token 2.
    assert routing.order_R.tolist() == [1, 2, 0, 4, 3, 5]
    assert routing.ends_E.tolist() == [2, 2, 4, 6]


def test_losses_of_an_even_and_of_a_collapsed_router() -> None:
    none = torch.zeros((), dtype=torch.int64)
    even = router_statistics(torch.zeros(4, 4), torch.tensor([[0], [1], [2], [3]]), none)
    collapsed_logits = torch.tensor([[20.0, 0, 0, 0]] * 4)
    collapsed = router_statistics(collapsed_logits, torch.zeros(4, 1, dtype=torch.int64), none)

    # Even: 4 * sum(1/4 * 1/4) = 1; collapsed: 4 * (1 * 1). logsumexp of four zeros is ln 4.
    assert even.balance_loss.item() == pytest.approx(1.0)
    assert even.z_loss.item() == pytest.approx(1.3862944**2)
    assert collapsed.balance_loss.item() == pytest.approx(4.0)
    assert collapsed.tokens_E.tolist() == [4, 0, 0, 0]


def test_balance_gradient_pushes_away_from_the_crowded_expert() -> None:
    logits_TE = torch.zeros(3, 2, requires_grad=True)
    experts_Tk = torch.tensor([[0], [0], [1]])

    statistics = router_statistics(logits_TE, experts_Tk, torch.zeros((), dtype=torch.int64))
    (gradient_TE,) = torch.autograd.grad(statistics.balance_loss, logits_TE)

    # d/dlogit of 2 * (2/3 p0 + 1/3 p1) / 3 at p = 1/2: 2 * (2/3 - 1/3) / 4 / 3 for expert 0.
    torch.testing.assert_close(gradient_TE, torch.tensor([[1 / 18, -1 / 18]] * 3))


def test_capacity_keeps_first_choices_before_second_and_early_tokens_before_late() -> None:
    experts_Tk = torch.tensor([[0, 1], [0, 1], [0, 1], [1, 0]])

    kept_Tk = within_capacity(experts_Tk, 2, capacity=2)

    # Expert 0: tokens 0, 1. Expert 1: token 3's first choice, then token 0's second.
    assert kept_Tk.tolist() == [[True, True], [True, False], [False, False], [True, False]]


def test_capacity_is_the_factor_times_an_even_share_rounded_up() -> None:
    config = replace(CONFIG, dispatch="capacity", capacity_factor=1.25)

    # 1.25 * 2 * 10 / 4 = 6.25.
    assert expert_capacity(10, config) == 7


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_layer_equals_its_definition_token_by_token(top_k: int) -> None:
    moe = layer(replace(CONFIG, top_k=top_k))
    x_TD = torch.randn(9, 16)

    got, statistics = moe(x_TD)

    torch.testing.assert_close(got, one_by_one(moe, x_TD), atol=2e-6, rtol=1e-5)
    assert int(statistics.tokens_E.sum()) == 9 * top_k
    assert int(statistics.dropped) == 0


def test_a_token_over_capacity_gets_nothing_from_that_expert() -> None:
    moe = layer(replace(CONFIG, top_k=1, dispatch="capacity", capacity_factor=1.0))
    x_TD = torch.randn(1, 16).repeat(8, 1)  # All eight want the same expert, which takes two.

    got, statistics = moe(x_TD)

    torch.testing.assert_close(got[:2], one_by_one(moe, x_TD[:2]), atol=2e-6, rtol=1e-5)
    assert not got[2:].any()
    assert int(statistics.dropped) == 6


def test_ample_capacity_is_dropless() -> None:
    x_TD = torch.randn(11, 16, generator=torch.Generator().manual_seed(1))
    ample = layer(replace(CONFIG, dispatch="capacity", capacity_factor=4.0))

    assert torch.equal(ample(x_TD)[0], layer()(x_TD)[0])


def test_the_router_works_in_float32_when_the_rest_does_not() -> None:
    moe = layer().to(torch.bfloat16)
    x_TD = torch.randn(5, 16).to(torch.bfloat16)

    out_TD, statistics = moe(x_TD)

    assert out_TD.dtype == torch.bfloat16
    assert statistics.z_loss.dtype == torch.float32
    expected = F.linear(x_TD.float(), moe.router.weight.float()).logsumexp(1).square().mean()
    torch.testing.assert_close(statistics.z_loss, expected)


def test_values_and_gradients_equal_mixtrals_block() -> None:
    mixtral = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    transformers = pytest.importorskip("transformers")
    config: Any = transformers.MixtralConfig(
        hidden_size=16, intermediate_size=24, num_local_experts=4, num_experts_per_tok=2
    )
    config._experts_implementation = "eager"
    theirs = mixtral.MixtralSparseMoeBlock(config)
    ours = layer()
    with torch.no_grad():
        theirs.gate.weight.copy_(ours.router.weight)
        theirs.experts.gate_up_proj.copy_(torch.cat((ours.gate_EFD, ours.up_EFD), dim=1))
        theirs.experts.down_proj.copy_(ours.down_EDF)
    x_TD = torch.randn(13, 16, requires_grad=True)

    got = ours(x_TD)[0]
    wanted = theirs(x_TD.unsqueeze(0))
    wanted = (wanted[0] if isinstance(wanted, tuple) else wanted).squeeze(0)

    torch.testing.assert_close(got, wanted, atol=5e-6, rtol=1e-5)
    weights = torch.randn_like(got)
    mine = torch.autograd.grad((got * weights).sum(), (x_TD, ours.down_EDF, ours.router.weight))
    others = (x_TD, theirs.experts.down_proj, theirs.gate.weight)
    for gradient, other in zip(mine, torch.autograd.grad((wanted * weights).sum(), others), strict=True):
        torch.testing.assert_close(gradient, other, atol=2e-5, rtol=1e-4)


def test_router_losses_enter_the_models_loss_with_the_papers_weights() -> None:
    model = debug_model(moe=MoEConfig(num_experts=4, every=1))

    with torch.no_grad():
        output = model(packed([[5, 6, 7, 8]], model.config))

    assert len(output.routers) == 2
    balance = sum(float(r.balance_loss) for r in output.routers) / 2
    z_loss = sum(float(r.z_loss) for r in output.routers) / 2
    assert output.router_loss.item() == pytest.approx(0.01 * balance + 0.001 * z_loss, rel=1e-5)
    expected = output.cross_entropy_sum / 3 + output.router_loss
    torch.testing.assert_close(output.loss, expected)


def test_only_every_nth_layer_is_sparse() -> None:
    config = MoEConfig(num_experts=32, every=4)

    assert [n for n in range(12) if config.is_sparse(n)] == [3, 7, 11]
