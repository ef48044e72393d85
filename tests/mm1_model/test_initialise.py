"""A new model's weights: their spread, and the same ones when the model is sharded from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from mm1_model.config import MoEConfig
from mm1_model.initialise import initialise
from mm1_model.model import MM1, build_model
from tests.mm1_model.examples import debug_config, packed


def test_matrices_are_normal_and_those_into_the_residual_stream_smaller() -> None:
    model = build_model(debug_config(), seed=0)

    layer = model.decoder.layers[0]
    spread = {
        name: float(layer.get_parameter(name).detach().std())
        for name in ("attention.query.weight", "attention.output.weight", "feed_forward.down.weight")
    }
    # 0.02, cut at 3 deviations; and 0.02 / sqrt(2 * 2 layers).
    assert spread["attention.query.weight"] == pytest.approx(0.0197, rel=0.05)
    assert spread["attention.output.weight"] == pytest.approx(0.0197 / 2, rel=0.05)
    assert spread["feed_forward.down.weight"] == pytest.approx(0.0197 / 2, rel=0.05)


def test_norms_are_one_and_biases_zero() -> None:
    model = build_model(debug_config(), seed=0)

    for module in model.modules():
        if isinstance(module, torch.nn.RMSNorm | torch.nn.LayerNorm):
            assert module.weight is not None
            assert (module.weight == 1).all()
    assert all(not p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_a_new_models_loss_is_that_of_a_guess() -> None:
    model = build_model(debug_config(), seed=0)
    tokens = torch.randint(1, 128, (400,), generator=torch.Generator().manual_seed(0)).tolist()

    with torch.no_grad():
        loss = model(packed([tokens], model.config)).loss

    # ln 128.
    assert loss.item() == pytest.approx(4.852, abs=0.05)


@pytest.fixture
def one_rank(tmp_path: Path) -> Iterator[None]:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("one_rank")
def test_a_model_sharded_on_the_meta_device_gets_the_same_weights() -> None:
    config = debug_config(moe=MoEConfig(num_experts=4, every=2))
    with torch.device("meta"):
        sharded = MM1(config)
    mesh = init_device_mesh("cpu", (1,))
    for block in sharded.blocks():
        fully_shard(block, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    sharded.to_empty(device="cpu")

    initialise(sharded, seed=5)

    whole = dict(build_model(config, seed=5).named_parameters())
    for name, parameter in sharded.named_parameters():
        assert isinstance(parameter, DTensor)
        assert torch.equal(parameter.full_tensor(), whole[name]), name
