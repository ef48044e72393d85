"""A saved model is the same model when it is loaded, and what does not fit is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mm1_model.config import MoEConfig
from mm1_model.model import build_model
from mm1_model.weights import WeightsError, load_model, save_model
from tests.mm1_model.examples import debug_config, debug_model, packed


@pytest.mark.parametrize("max_file_bytes", [10**9, 300_000])
@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=2)])
def test_a_loaded_model_gives_the_saved_models_logits(
    tmp_path: Path, max_file_bytes: int, moe: MoEConfig | None
) -> None:
    model = debug_model(moe=moe).eval()
    save_model(model, tmp_path, max_file_bytes=max_file_bytes)
    batch = packed([[0, 0, 0, 0, 5, 6]], model.config)

    loaded = load_model(tmp_path)

    assert loaded.config == model.config
    assert (tmp_path / "model.safetensors").exists() == (max_file_bytes == 10**9)
    with torch.no_grad():
        assert torch.equal(loaded.logits(batch), model.logits(batch))


def test_the_same_model_is_written_in_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_model(debug_model(), tmp_path / name)

    files = [sorted(p.name for p in (tmp_path / name).iterdir()) for name in ("a", "b")]
    assert files[0] == files[1] == ["config.json", "model.safetensors"]
    for name in files[0]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_tied_weights_are_written_once_and_come_back_tied(tmp_path: Path) -> None:
    config = debug_config()
    config = replace(config, decoder=replace(config.decoder, tie_embeddings=True))
    save_model(build_model(config, seed=0), tmp_path)

    loaded = load_model(tmp_path)

    assert "head.projection.weight" not in load_file(tmp_path / "model.safetensors")
    assert loaded.head.projection.weight is loaded.decoder.embedding.weight


def test_every_tensor_that_does_not_fit_is_named(tmp_path: Path) -> None:
    save_model(debug_model(), tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["head.norm.weight"], tensors["connector.pos_emb"]
    tensors["surprise"] = torch.zeros(1)
    tensors["decoder.embedding.weight"] = torch.zeros(7, 64)
    save_file(tensors, path)

    with pytest.raises(WeightsError) as caught:
        load_model(tmp_path)

    assert str(caught.value) == (
        f"the weights of {tmp_path} do not fit the model;"
        " 2 missing: connector.pos_emb, head.norm.weight; 1 unexpected: surprise;"
        " 1 misshapen: decoder.embedding.weight is (7, 64), the model needs (128, 64)"
    )


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is no checkpoint: it has no config.json"):
        load_model(tmp_path)


def test_an_index_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    save_model(debug_model(), tmp_path, max_file_bytes=300_000)
    path = tmp_path / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["head.norm.weight"] = "../other.safetensors"
    path.write_text(json.dumps(index))

    with pytest.raises(WeightsError, match=r"names files outside its folder: \['../other.safe"):
        load_model(tmp_path)


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    save_model(debug_model(), tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    values["decoder"]["hiden_size"] = 3
    path.write_text(json.dumps(values))

    with pytest.raises(WeightsError, match=r"decoder has unknown fields \['hiden_size'\]"):
        load_model(tmp_path)
