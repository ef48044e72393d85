"""Pretrained parts from files, folders and the Hub: a tower of open_clip or timm, a decoder in shards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from mm1_model.config import ConnectorConfig, DecoderConfig, ModelConfig, VisionConfig
from mm1_model.model import MM1, build_model
from mm1_model.vision import open_clip_vision_config
from mm1_model.weights import WeightsError, load_pretrained_parts, read_decoder_config
from tests.mm1_model.clips import WEIGHTS, saved_clip
from tests.mm1_model.examples import packed
from tests.mm1_model.hub import loopback_hub

AIM_NAME = "aimv2_large_patch14_224"
AIM: dict[str, Any] = {"embed_dim": 48, "depth": 2, "num_heads": 4}
DECODER = DecoderConfig(
    vocab_size=32, hidden_size=16, num_layers=1, num_heads=2, num_key_value_heads=1, head_dim=8, intermediate_size=24
)


def with_tower(vision: VisionConfig, decoder: DecoderConfig = DECODER) -> MM1:
    config = ModelConfig(
        vision=vision,
        connector=ConnectorConfig(kind="average_pool", num_tokens=1),
        decoder=decoder,
        placeholder_id=0,
    )
    return build_model(config, seed=0).eval()


def own_tokens(clip: Any, images: torch.Tensor) -> torch.Tensor:
    clip.visual.output_tokens = True
    with torch.no_grad():
        tokens: torch.Tensor = clip.visual(images)[1]
    return tokens


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model of which open_clip knows the settings by the name ``tiny``, its weights in a file."""
    model = saved_clip(tmp_path)
    settings = json.loads((tmp_path / "open_clip_config.json").read_text())["model_cfg"]
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", settings)
    return model


def test_a_tower_of_a_known_model_comes_from_a_weights_file(tmp_path: Path, clip: Any) -> None:
    vision = open_clip_vision_config("tiny", pretrained=str(tmp_path / WEIGHTS))
    model = with_tower(vision)

    load_pretrained_parts(model)

    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        got = model.tower(images)
    torch.testing.assert_close(got, own_tokens(clip, images), atol=1e-5, rtol=1e-5)


def test_every_tensor_of_a_tower_that_does_not_fit_is_named(tmp_path: Path, clip: Any) -> None:
    path = tmp_path / WEIGHTS
    tensors = load_file(path)
    del tensors["visual.ln_pre.weight"], tensors["visual.transformer.resblocks.1.mlp.c_fc.bias"]
    tensors["visual.surprise"] = torch.zeros(1)
    tensors["visual.conv1.weight"] = torch.zeros(48, 3, 4, 4)
    save_file(tensors, path)

    with pytest.raises(WeightsError) as caught:
        load_pretrained_parts(with_tower(open_clip_vision_config("tiny", pretrained=str(path))))

    message = str(caught.value)
    assert message.startswith(f"cannot load the tower tiny {path}: ")
    missing, rest = message.split("Unexpected key(s) in state_dict: ")
    assert '"visual.ln_pre.weight", "visual.transformer.resblocks.1.mlp.c_fc.bias"' in missing
    assert '"visual.surprise"' in rest
    assert "size mismatch for visual.conv1.weight: copying a param with shape torch.Size([48, 3, 4, 4])" in rest


def test_a_tag_that_open_clip_does_not_know_is_answered_with_those_it_knows() -> None:
    vision = open_clip_vision_config("ViT-L-14-336-quickgelu", pretrained="laion")

    message = "vision.pretrained 'laion' is neither a file nor a tag of ViT-L-14-336-quickgelu; its tags are openai"
    with pytest.raises(WeightsError, match=message):
        load_pretrained_parts(with_tower(replace(vision, architecture=small(vision), width=32)))


def small(vision: VisionConfig) -> dict[str, Any]:
    """The same kind of tower, fit to be built in a test."""
    tower = {**vision.architecture["vision_cfg"], "layers": 1, "width": 32, "head_width": 16}
    return {**vision.architecture, "vision_cfg": tower}


def test_tower_and_decoder_come_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    images, tokens = torch.randn(2, 3, 32, 32), [5, 6, 7, 8]
    with loopback_hub(tmp_path, monkeypatch) as hub:
        clip = saved_clip(hub.repository("lab/tiny-clip"))
        llama = published_llama(transformers, hub.repository("lab/tiny-llama"))
        vision = open_clip_vision_config("hf-hub:lab/tiny-clip")
        decoder, _ = read_decoder_config(hub.root / "lab" / "tiny-llama")
        model = with_tower(vision, replace(decoder, pretrained="hf-hub:lab/tiny-llama"))

        load_pretrained_parts(model)

    with torch.no_grad():
        logits, wanted = model.logits(packed([tokens], model.config)), llama(torch.tensor([tokens])).logits[0]
        features = model.tower(images)
    assert vision.mean == (0.5, 0.4, 0.3)
    torch.testing.assert_close(features, own_tokens(clip, images), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=0)


def published_llama(transformers: Any, folder: Path) -> Any:
    """A small Llama in several files with an index."""
    config = transformers.LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(mean=float(parameter.dim() == 1), std=0.15)
    model.save_pretrained(folder, max_shard_size="5KB")
    return model


def test_a_decoder_comes_from_many_files_by_their_index(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    llama = published_llama(transformers, tmp_path)
    decoder, _ = read_decoder_config(tmp_path)
    patches = VisionConfig(kind="patches", image_size=4, patch_size=2, width=8)
    model = with_tower(patches, replace(decoder, pretrained=str(tmp_path)))

    load_pretrained_parts(model)

    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 2
    with torch.no_grad():
        logits, wanted = model.logits(packed([[5, 6, 7]], model.config)), llama(torch.tensor([[5, 6, 7]])).logits[0]
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=0)


def test_every_tensor_of_a_decoder_that_does_not_fit_is_named(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    published_llama(transformers, tmp_path).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.norm.weight"], tensors["model.layers.1.self_attn.k_proj.weight"]
    tensors["model.layers.0.self_attn.q_proj.bias"] = torch.zeros(16)
    tensors["model.layers.0.mlp.up_proj.weight"] = torch.zeros(20, 16)
    save_file(tensors, tmp_path / "model.safetensors")
    decoder, _ = read_decoder_config(tmp_path)
    patches = VisionConfig(kind="patches", image_size=4, patch_size=2, width=8)
    model = with_tower(patches, replace(decoder, pretrained=str(tmp_path)))

    with pytest.raises(WeightsError) as caught:
        load_pretrained_parts(model)

    assert str(caught.value) == (
        f"the weights of {tmp_path} do not fit the model;"
        " 2 missing: decoder.layers.1.attention.key.weight, head.norm.weight;"
        " 1 unexpected: decoder.layers.0.attention.query.bias;"
        " 1 misshapen: decoder.layers.0.feed_forward.up.weight is (20, 16), the model needs (24, 16)"
    )


def test_a_file_that_the_index_names_and_nobody_has_is_named(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    published_llama(transformers, tmp_path)
    gone = sorted(tmp_path.glob("model-*-of-*.safetensors"))[1]
    gone.unlink()
    decoder, _ = read_decoder_config(tmp_path)
    patches = VisionConfig(kind="patches", image_size=4, patch_size=2, width=8)

    with pytest.raises(WeightsError, match=f"no weights at {gone}"):
        load_pretrained_parts(with_tower(patches, replace(decoder, pretrained=str(tmp_path))))


def aim_vision(pretrained: str) -> VisionConfig:
    return VisionConfig(
        kind="timm",
        architecture={"model_name": AIM_NAME, "img_size": 56, **AIM},
        image_size=56,
        patch_size=14,
        width=48,
        model=AIM_NAME,
        pretrained=pretrained,
    )


def test_an_aim_tower_comes_from_a_weights_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trunk: Any = timm.create_model(AIM_NAME, img_size=56, **AIM).eval()
    save_file(trunk.state_dict(), tmp_path / "aim.safetensors")
    model = with_tower(aim_vision(str(tmp_path / "aim.safetensors")))

    load_pretrained_parts(model)

    images = torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        assert torch.equal(model.tower(images), trunk.forward_features(images))


def test_a_tag_that_timm_does_not_know_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"cannot load the tower .*Invalid pretrained tag \(nobodys\)"):
        load_pretrained_parts(with_tower(aim_vision("nobodys")))
