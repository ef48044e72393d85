"""Compiled blocks give what the plain ones give, and one program serves all layers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from mm1_model.config import MoEConfig
from mm1_model.model import build_model
from tests.mm1_model.examples import debug_config, packed

ROWS = [
    [[5, 0, 0, 0, 0, 6, 7], [9, 10, 11]],
    [[9, 10, 11, 12, 13], [4, 5, 0, 0, 0, 0, 6, 7, 8]],
    [[20, 21, 22], [30, 31], [0, 0, 0, 0, 40, 41, 42]],
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # Of the tracer itself.
@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=2)])
def test_one_program_serves_all_layers_and_divisions_of_a_row(moe: MoEConfig | None) -> None:
    frames = [compiled_frames(num_layers, moe) for num_layers in (4, 12)]

    assert frames[0] == frames[1] > 0


def compiled_frames(num_layers: int, moe: MoEConfig | None) -> int:
    """Compiles the layers of a decoder, checks its losses, and returns how much was compiled."""
    torch._dynamo.reset()
    config = debug_config(moe=moe)
    config = replace(config, decoder=replace(config.decoder, num_layers=num_layers))
    model = build_model(config, seed=0)
    batches = [packed(row, config) for row in ROWS]
    plain = [model(batch).loss.detach() for batch in batches]
    counter = CompileCounter()
    for layer in model.decoder.layers:
        layer.compile(backend=counter)
    compiled = [model(batch).loss.detach() for batch in batches[:2]]
    before = counter.frame_count
    compiled.append(model(batches[2]).loss.detach())
    torch._dynamo.reset()

    torch.testing.assert_close(compiled, plain, atol=1e-5, rtol=1e-5)
    assert counter.frame_count == before
    return counter.frame_count
