"""Mixture of experts in place of a decoder layer's SwiGLU (MM1 section 3.4; GShard; ST-MoE).

Legend: T tokens, D the model's width, F the width inside an expert, E experts, k experts a token,
R routed rows (T * k, less those over an expert's capacity).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mm1_model.config import MoEConfig
from mm1_model.eager import uncompiled
from mm1_model.grouped_matmul import grouped_linear


class RouterStatistics(NamedTuple):
    """What one router did with one micro-batch. Losses are unweighted means, float32 scalars."""

    balance_loss: Tensor
    """``E * sum_e(share of tokens to e * mean probability of e)``: 1 when even (GShard; Switch)."""

    z_loss: Tensor
    """Mean of ``logsumexp(router logits) ** 2`` (ST-MoE equation 5)."""

    tokens_E: Tensor
    """``(E,)`` int64: rows that each expert was sent, before any was dropped."""

    dropped: Tensor
    """Scalar int64: rows over capacity, 0 when dropless."""


class Routing(NamedTuple):
    """The rows in the order of their experts; within an expert in the order of the tokens.

    Row ``t * k + j`` is what token t sends to its j-th expert.
    """

    order_R: Tensor
    """``(R,)`` int64: the row that stands at each place."""

    ends_E: Tensor
    """``(E,)`` int32: where each expert's rows end."""


class MixtureOfExperts(nn.Module):
    """A router and E SwiGLU experts, of which each token visits k."""

    def __init__(self, hidden_size: int, intermediate_size: int, config: MoEConfig) -> None:
        super().__init__()
        self.config = config
        experts = config.num_experts
        self.router = nn.Linear(hidden_size, experts, bias=False)
        self.gate_EFD = nn.Parameter(torch.empty(experts, intermediate_size, hidden_size))
        self.up_EFD = nn.Parameter(torch.empty(experts, intermediate_size, hidden_size))
        self.down_EDF = nn.Parameter(torch.empty(experts, hidden_size, intermediate_size))

    def forward(self, x_TD: Tensor) -> tuple[Tensor, RouterStatistics]:
        """Maps ``(T, D)`` to ``(T, D)``."""
        logits_TE = self._router_logits(x_TD)
        gates_Tk, experts_Tk = choose_experts(logits_TE, self.config.top_k)
        gates_Tk, dropped = self._drop(gates_Tk, experts_Tk)
        routing = sort_by_expert(experts_Tk, self.config.num_experts)
        sorted_RD = self._run_experts(x_TD[routing.order_R // self.config.top_k], routing.ends_E)
        # Rows go back to their tokens by a permutation: adding them up in place would, on a GPU,
        # take another order each time.
        rows_TkD = sorted_RD[routing.order_R.argsort()].view(*experts_Tk.shape, -1)
        out_TD = (rows_TkD.float() * gates_Tk.unsqueeze(-1)).sum(dim=1)
        return out_TD.to(x_TD.dtype), router_statistics(logits_TE, experts_Tk, dropped)

    def _router_logits(self, x_TD: Tensor) -> Tensor:
        # ST-MoE section 3.3: the router's softmax is unstable in bfloat16.
        with torch.autocast(x_TD.device.type, enabled=False):
            return F.linear(x_TD.float(), self.router.weight.float())

    def _drop(self, gates_Tk: Tensor, experts_Tk: Tensor) -> tuple[Tensor, Tensor]:
        if self.config.dispatch == "dropless":
            return gates_Tk, torch.zeros((), dtype=torch.int64, device=gates_Tk.device)
        capacity = expert_capacity(gates_Tk.shape[0], self.config)
        kept_Tk = within_capacity(experts_Tk, self.config.num_experts, capacity)
        # A dropped row stays in its place with no weight: shapes do not depend on the data.
        return gates_Tk * kept_Tk, (~kept_Tk).sum()

    # Compilers know the grouped product in bfloat16 alone, and would trace its self-test.
    @uncompiled
    def _run_experts(self, rows_RD: Tensor, ends_E: Tensor) -> Tensor:
        gate_RF = grouped_linear(rows_RD, self.gate_EFD, ends_E)
        up_RF = grouped_linear(rows_RD, self.up_EFD, ends_E)
        return grouped_linear(F.silu(gate_RF) * up_RF, self.down_EDF, ends_E)


def choose_experts(logits_TE: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Returns the gates ``(T, k)``, renormalised to sum to 1, and the experts ``(T, k)`` int64."""
    probabilities_TE = logits_TE.softmax(dim=1)
    gates_Tk, experts_Tk = probabilities_TE.topk(top_k, dim=1)
    return gates_Tk / gates_Tk.sum(dim=1, keepdim=True), experts_Tk


def sort_by_expert(experts_Tk: Tensor, num_experts: int) -> Routing:
    """Lays the rows of each expert next to each other, in token order (a stable sort)."""
    order_R = experts_Tk.flatten().argsort(stable=True)
    ends_E = rows_of_experts(experts_Tk, num_experts).cumsum(0)
    return Routing(order_R, ends_E.to(torch.int32))


def rows_of_experts(experts_Tk: Tensor, num_experts: int) -> Tensor:
    """Returns ``(E,)`` int64: how many rows each expert is sent."""
    experts_R = experts_Tk.flatten()
    counts_E = torch.zeros(num_experts, dtype=torch.int64, device=experts_R.device)
    # Not bincount, which makes the host wait for the GPU.
    return counts_E.index_add(0, experts_R, torch.ones_like(experts_R))


def expert_capacity(num_tokens: int, config: MoEConfig) -> int:
    """Rows that an expert takes: ``ceil(capacity_factor * k * tokens / experts)`` (GShard 2.2)."""
    return math.ceil(config.capacity_factor * config.top_k * num_tokens / config.num_experts)


def within_capacity(experts_Tk: Tensor, num_experts: int, capacity: int) -> Tensor:
    """Returns ``(T, k)`` bool: False where the expert is full.

    First choices come before second choices, and earlier tokens before later ones (GShard).
    """
    num_tokens, top_k = experts_Tk.shape
    by_choice = experts_Tk.t().flatten()
    chosen = F.one_hot(by_choice, num_experts)
    place = (chosen.cumsum(0) - 1).gather(1, by_choice.unsqueeze(1)).squeeze(1)
    return (place < capacity).view(top_k, num_tokens).t()


def router_statistics(logits_TE: Tensor, experts_Tk: Tensor, dropped: Tensor) -> RouterStatistics:
    """Returns the two losses and the load of one router."""
    num_experts = logits_TE.shape[1]
    counts_E = rows_of_experts(experts_Tk, num_experts)
    share_E = counts_E.float() / max(experts_Tk.numel(), 1)
    mean_probability_E = logits_TE.softmax(dim=1).sum(0) / max(logits_TE.shape[0], 1)
    balance = num_experts * (share_E * mean_probability_E).sum()
    z_loss = logits_TE.logsumexp(dim=1).square().sum() / max(logits_TE.shape[0], 1)
    return RouterStatistics(balance, z_loss, counts_E, dropped)
