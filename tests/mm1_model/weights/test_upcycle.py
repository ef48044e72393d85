"""An upcycled model is its dense parent, until it is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mm1_model.model import build_model
from mm1_model.moe import MixtureOfExperts
from mm1_model.weights import WeightsError, load_model, save_model
from mm1_model.weights.upcycle import upcycle
from tests.mm1_model.examples import debug_config, debug_model, packed

SAMPLES = [[0, 0, 0, 0, *range(5, 60)], [7, 8, 9]]


@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize("every", [1, 2])
def test_logits_are_the_dense_parents(tmp_path: Path, top_k: int, every: int) -> None:
    dense = debug_model().eval()
    save_model(dense, tmp_path / "dense")

    upcycle(tmp_path / "dense", tmp_path / "moe", num_experts=8, every=every, seed=1, top_k=top_k)

    sparse = load_model(tmp_path / "moe")
    batch = packed(SAMPLES, dense.config)
    with torch.no_grad():
        output = sparse(batch)
        # float32: gates of two equal outputs sum to 1 within rounding.
        torch.testing.assert_close(sparse.logits(batch), dense.logits(batch), atol=2e-5, rtol=1e-5)
    assert len(output.routers) == 2 // every
    # The routers do choose: more than top_k experts are visited.
    assert all(int((r.tokens_E > 0).sum()) > top_k for r in output.routers)


def test_one_copy_a_token_is_the_dense_parent_bit_by_bit(tmp_path: Path) -> None:
    dense = debug_model().eval()
    save_model(dense, tmp_path / "dense")
    # 64 positions: a dense product of whole multiples has the bits of the experts' (``grouped_matmul``).
    batch = packed([[0, 0, 0, 0, *range(5, 60)], [7, 8, 9, 10, 11]], dense.config)

    upcycle(tmp_path / "dense", tmp_path / "moe", num_experts=8, every=1, seed=1, top_k=1)

    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "moe").logits(batch), dense.logits(batch))


def test_each_expert_is_a_copy_and_routers_differ_between_layers(tmp_path: Path) -> None:
    dense = debug_model()
    save_model(dense, tmp_path / "dense")

    upcycle(tmp_path / "dense", tmp_path / "moe", num_experts=4, every=1, seed=0)

    sparse = load_model(tmp_path / "moe")
    experts = [m for m in sparse.modules() if isinstance(m, MixtureOfExperts)]
    up = dense.decoder.layers[1].get_parameter("feed_forward.up.weight")
    assert all(torch.equal(expert, up) for expert in experts[1].up_EFD)
    assert not torch.equal(experts[0].router.weight, experts[1].router.weight)


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    save_model(debug_model(), tmp_path / "dense")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        upcycle(tmp_path / "dense", tmp_path / name, num_experts=4, every=2, seed=seed)

    a, b, c = ((tmp_path / n / "model.safetensors").read_bytes() for n in "abc")
    assert a == b != c


def test_what_cannot_be_upcycled_is_refused(tmp_path: Path) -> None:
    config = debug_config()
    biased = replace(config, decoder=replace(config.decoder, mlp_bias=True))
    save_model(build_model(biased, seed=0), tmp_path / "biased")
    save_model(debug_model(), tmp_path / "dense")
    upcycle(tmp_path / "dense", tmp_path / "moe", num_experts=4, every=2, seed=0)

    with pytest.raises(WeightsError, match="biases in its feed-forward layers"):
        upcycle(tmp_path / "biased", tmp_path / "x", num_experts=4, every=2, seed=0)
    with pytest.raises(WeightsError, match="has 4 experts already"):
        upcycle(tmp_path / "moe", tmp_path / "x", num_experts=4, every=2, seed=0)
    with pytest.raises(WeightsError, match="is the dense checkpoint itself"):
        upcycle(tmp_path / "dense", tmp_path / "dense", num_experts=4, every=2, seed=0)
    with pytest.raises(WeightsError, match="every 3 layers leaves none of 2 sparse"):
        upcycle(tmp_path / "dense", tmp_path / "x", num_experts=4, every=3, seed=0)
