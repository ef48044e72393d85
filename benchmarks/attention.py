"""Attention in packed rows: each backend against the dense mask, forward and backward.

    python -m benchmarks.attention [--device cuda] [--length 4096]

Prints a Markdown table. On the CPU one thread works; time is processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch

from benchmarks.torch_timing import machine, measure, table
from mm1_model.attention import AttentionBackend, packed_attention

HEADS, KEY_VALUE_HEADS, HEAD_DIM = 16, 4, 64
PACKS = {
    "25 captions": [164] * 24 + [160],
    "4 documents": [1024] * 4,
    "uneven": [2800, 600, 300, 200, 100, 96],
    "1 document": [4096],
}


def step(
    lengths: Sequence[int], backend: AttentionBackend, device: torch.device, dtype: torch.dtype
) -> Callable[[], None]:
    """Returns one forward and backward pass over a packed row."""
    generator = torch.Generator().manual_seed(0)
    total = sum(lengths)
    q, k, v = (
        torch.randn(total, heads, HEAD_DIM, generator=generator).to(device, dtype).requires_grad_()
        for heads in (HEADS, KEY_VALUE_HEADS, KEY_VALUE_HEADS)
    )
    cu_seqlens = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32).to(device)

    def work() -> None:
        context = packed_attention(cu_seqlens, max(lengths), backend=backend)
        out = context.attend(q, k, v)
        torch.autograd.grad(out, (q, k, v), torch.ones_like(out))

    return work


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--length", type=int, default=4096, help="positions of a row")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    dtype = torch.bfloat16 if on_gpu else torch.float32
    backends: tuple[AttentionBackend, ...] = ("dense", "sdpa")
    if on_gpu:
        backends = ("dense", "sdpa", "varlen", "flex")
    torch.set_num_threads(1)
    rows = []
    for name, pack in PACKS.items():
        lengths = [max(1, n * arguments.length // 4096) for n in pack]
        reference = None
        for backend in backends:
            result = measure(step(lengths, backend, device, dtype), device=device)
            reference = reference or result.milliseconds
            rows.append((name, backend, result.milliseconds, reference / result.milliseconds, result.peak_megabytes))
    title = f"Packed attention, {arguments.length} positions, {HEADS} heads, {dtype}; {machine(device)}"
    print(table(title, ("row", "backend", "ms", "times dense", "peak MB"), rows))


if __name__ == "__main__":
    main()
