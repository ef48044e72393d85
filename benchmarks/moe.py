"""Mixture of experts: one grouped product, a loop over experts, and Mixtral's block of transformers.

    python -m benchmarks.moe [--device cuda] [--tokens 4096] [--experts 64]

Prints a Markdown table of one sparse layer, forward and backward. On the CPU one thread works; time
is processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.torch_timing import machine, measure, table
from mm1_model import grouped_matmul, moe
from mm1_model.config import MoEConfig
from mm1_model.feed_forward import SwiGLU
from mm1_model.moe import MixtureOfExperts


def experts(hidden: int, inside: int, config: MoEConfig) -> MixtureOfExperts:
    """A sparse layer with random weights."""
    torch.manual_seed(0)
    layer = MixtureOfExperts(hidden, inside, config)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.02)
    return layer


def mixtral(layer: MixtureOfExperts) -> nn.Module:
    """transformers' block with the same weights, its own default implementation."""
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    inside, hidden = layer.gate_EFD.shape[1:]
    config = MixtralConfig(
        hidden_size=hidden,
        intermediate_size=inside,
        num_local_experts=layer.config.num_experts,
        num_experts_per_tok=layer.config.top_k,
    )
    config._experts_implementation = "eager"
    make: Any = MixtralSparseMoeBlock
    block: nn.Module = make(config)
    with torch.no_grad():
        block.get_parameter("gate.weight").copy_(layer.router.weight)
        gate_and_up = torch.cat((layer.gate_EFD, layer.up_EFD), dim=1)
        block.get_parameter("experts.gate_up_proj").copy_(gate_and_up)
        block.get_parameter("experts.down_proj").copy_(layer.down_EDF)
    return block


def with_product(layer: MixtureOfExperts, product: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    """The layer with one way of multiplying, whichever it would take here."""

    def work(x_TD: Tensor) -> Tensor:
        with patch.object(moe, "grouped_linear", product):
            out_TD: Tensor = layer(x_TD)[0]
        return out_TD

    return work


def step(function: Callable[[Tensor], Tensor], module: nn.Module, x: Tensor) -> Callable[[], None]:
    """Returns one forward and backward pass."""
    parameters = [p for p in module.parameters() if p.requires_grad]

    def work() -> None:
        out = function(x)
        torch.autograd.grad(out, [x, *parameters], torch.ones_like(out), allow_unused=True)

    return work


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--inside", type=int, default=1024)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    torch.set_num_threads(1)
    config = MoEConfig(num_experts=arguments.experts, every=1)
    layer = experts(arguments.hidden, arguments.inside, config).to(device, dtype)
    # top_k times as wide: the operations of the experts that a token visits.
    dense = SwiGLU(arguments.hidden, config.top_k * arguments.inside, bias=False).to(device, dtype)
    peer = mixtral(layer).to(device, dtype)
    x = torch.randn(arguments.tokens, arguments.hidden).to(device, dtype).requires_grad_()

    def transformers_block(x_TD: Tensor) -> Tensor:
        out = peer(x_TD.unsqueeze(0))
        first: Tensor = out[0] if isinstance(out, tuple) else out
        return first.reshape(x_TD.shape)

    cases: dict[str, tuple[Callable[[Tensor], Tensor], nn.Module]] = {
        "F.grouped_mm": (with_product(layer, grouped_matmul.grouped), layer),
        "loop over experts": (with_product(layer, grouped_matmul.looped), layer),
        "transformers, Mixtral": (transformers_block, peer),
        "dense, equal operations": (dense, dense),
    }
    ours = "F.grouped_mm" if device.type == "cuda" else "loop over experts"
    rows: list[tuple[object, ...]] = []
    for name, (function, module) in cases.items():
        result = measure(step(function, module, x), device=device)
        rows.append((f"{name} (ours here)" if name == ours else name, result.milliseconds, result.peak_megabytes))
    title = (
        f"{arguments.experts} experts, top {config.top_k}, {arguments.tokens} tokens,"
        f" {arguments.hidden} x {arguments.inside}, {dtype}; {machine(device)}"
    )
    print(table(title, ("path", "ms", "peak MB"), rows))


if __name__ == "__main__":
    main()
