import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mm1_model.config import ModelConfig, MoEConfig
from mm1_model.model import build_model
from mm1_model.train.config import ModelSettings, TrainConfig
from mm1_model.train.distributed import Ranks
from mm1_model.train.network import make_model, outline, resolve_network, rule_parameters
from mm1_model.train.optimizer import parameter_groups
from mm1_model.weights import save_model
from mm1_model.weights.huggingface_config import huggingface_config
from mm1_model.weights.state import WeightsError
from schemas.row_layout import SpecialTokens
from tests.mm1_model.train import synthetic

SPECIAL = SpecialTokens(pad=0, begin=1, end=2, image=3)
CONFIG = TrainConfig(shards="shards", out="out", steps=1)
ALONE = Ranks(device=torch.device("cpu"))


def resolve(settings: ModelSettings, *, vocabulary: int = 1000, z_loss: float | None = None) -> ModelConfig:
    return resolve_network(
        settings, vocabulary=vocabulary, special=SPECIAL, tokens_per_image=16, sequence_length=512, z_loss=z_loss
    )


def test_the_network_takes_its_tokens_from_the_shards() -> None:
    network = resolve(ModelSettings())

    assert (network.placeholder_id, network.begin_id, network.end_id) == (3, 1, 2)
    assert (network.tokens_per_image, network.decoder.max_positions) == (16, 512)
    assert network.decoder.vocab_size == 1024  # The next multiple of 64.


def test_overrides_reach_any_depth_written_either_way() -> None:
    dotted = resolve(
        ModelSettings(overrides={"connector.kind": "average_pool", "vision.architecture.vision_cfg.layers": 1})
    )
    nested = resolve(
        ModelSettings(
            overrides={"connector": {"kind": "average_pool"}, "vision": {"architecture": {"vision_cfg": {"layers": 1}}}}
        )
    )

    assert dotted == nested
    assert dotted.connector.kind == "average_pool"
    assert dotted.vision.architecture["vision_cfg"]["layers"] == 1
    assert dotted.vision.architecture["vision_cfg"]["width"] == 64  # What was not named stays.


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"decoder.layers": 3}, r"decoder has unknown fields \['layers'\]"),
        ({"tower.layers": 3}, "there is no group 'tower'"),
        ({"connector.num_tokens": 64}, "gives 64 tokens an image, the shards keep 16 places"),
        ({"decoder.vocab_size": 10}, "vocab_size 10 is less than the tokenizer's 1000"),
    ],
)
def test_what_does_not_fit_is_refused(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(ModelSettings(overrides=overrides))


def test_a_named_decoder_brings_its_own_shape(tmp_path: Path) -> None:
    published = resolve(ModelSettings(preset="9M")).decoder
    values = huggingface_config(replace(published, vocab_size=61, num_layers=3, rope_theta=500_000.0), None)
    (tmp_path / "config.json").write_text(json.dumps(values))

    network = resolve(ModelSettings(overrides={"decoder.pretrained": str(tmp_path), "decoder.num_layers": 2}))

    assert (network.decoder.hidden_size, network.decoder.rope_theta) == (256, 500_000.0)
    assert (network.decoder.pretrained, network.decoder.num_layers) == (str(tmp_path), 2)  # What is named wins.
    assert (network.decoder.vocab_size, network.decoder.max_positions) == (1024, 512)  # The shards' tokenizer and rows.


def test_the_z_loss_of_the_settings_wins() -> None:
    assert [resolve(ModelSettings(), z_loss=weight).z_loss_weight for weight in (None, 1e-4)] == [0.0, 1e-4]


def test_the_rule_counts_the_dense_backbone() -> None:
    dense = resolve(ModelSettings())
    decoder = dense.decoder
    sparse = replace(dense, moe=MoEConfig(num_experts=4, every=2))

    # A layer: q and output 64 x 64, k and v 64 x 32 each, SwiGLU 3 x 64 x 192, two norms of 64; one norm at the end.
    layer = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 192 + 2 * 64
    assert (decoder.hidden_size, decoder.num_layers, decoder.intermediate_size) == (64, 2, 192)
    assert rule_parameters(outline(dense)) == 2 * layer + 64
    assert rule_parameters(outline(sparse)) == 2 * layer + 64


def test_only_matrices_of_the_whole_network_decay() -> None:
    model = build_model(resolve(ModelSettings()), seed=0)
    shapes = {name: parameter.dim() for name, parameter in model.named_parameters()}

    groups = parameter_groups(model)

    tables = [name for name in groups.undecayed if shapes[name] > 1]
    assert {*groups.decayed, *groups.undecayed} == set(shapes)
    assert all(shapes[name] > 1 for name in groups.decayed)
    assert "decoder.embedding.weight" in tables
    assert all("embed" in name or "position" in name for name in tables)


def test_initial_weights_are_read_and_checked(tmp_path: Path) -> None:
    network = synthetic.network()
    save_model(build_model(network, seed=5), tmp_path)
    config = replace(CONFIG, model=ModelSettings(initial_weights=str(tmp_path)))

    model = make_model(network, config, ALONE)

    assert torch.equal(model.decoder.embedding.weight, build_model(network, seed=5).decoder.embedding.weight)
    with pytest.raises(WeightsError, match=r"decoder\.layers\.2"):
        make_model(replace(network, decoder=replace(network.decoder, num_layers=3)), config, ALONE)


def test_recomputed_blocks_give_the_same_gradients() -> None:
    batch = synthetic.batch_of(range(3))
    gradients = []
    for recompute in (False, True):
        model = make_model(synthetic.network(), replace(CONFIG, recompute=recompute), ALONE)
        model(batch).loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})

    assert gradients[0].keys() == gradients[1].keys() == dict(model.named_parameters()).keys()
    for name, gradient in gradients[0].items():
        assert torch.equal(gradient, gradients[1][name])
