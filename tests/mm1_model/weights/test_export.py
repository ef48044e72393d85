"""An exported folder loads in transformers and gives the same logits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mm1_model.config import MoEConfig, VisionConfig
from mm1_model.generation import Prompt, SamplingSettings, generate_tokens
from mm1_model.model import MM1, build_model
from mm1_model.weights import WeightsError, save_model
from mm1_model.weights.export import export_decoder_to_huggingface, export_to_huggingface
from tests.mm1_model.examples import debug_config, debug_model, packed
from tests.remote_code import use_own_module_cache

transformers = pytest.importorskip("transformers")

IMAGE = [0, 0, 0, 0]


class NoText:
    def encode(self, text: str) -> list[int]:
        raise NotImplementedError

    def decode(self, tokens: list[int]) -> str:
        return ""


@pytest.fixture(autouse=True)
def own_module_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_own_module_cache(tmp_path / "hf", monkeypatch)


def exported(model: MM1, folder: Path) -> Any:
    save_model(model, folder / "ours")
    export_to_huggingface(folder / "ours", folder / "theirs")
    return transformers.AutoModelForImageTextToText.from_pretrained(folder / "theirs", trust_remote_code=True).eval()


@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=2)])
def test_the_whole_model_gives_equal_logits(tmp_path: Path, moe: MoEConfig | None) -> None:
    model = debug_model(moe=moe).eval()
    theirs = exported(model, tmp_path)
    samples = [[5, *IMAGE, 6, 7, 8], [*IMAGE, 9, 10, 11, 12]]
    batch = packed(samples, model.config)

    with torch.no_grad():
        wanted = model.logits(batch)
        got = theirs(input_ids=torch.tensor(samples), pixel_values=batch.images_NCHW).logits

    torch.testing.assert_close(got.flatten(0, 1), wanted, atol=1e-5, rtol=1e-5)


TIMM = {"embed_dim": 48, "depth": 2, "num_heads": 4, "img_size": 56}


@pytest.mark.parametrize(
    "tower",
    [
        {"kind": "timm", "architecture": {"model_name": "aimv2_large_patch14_224", **TIMM}},
        # Its rotary angles are computed when it is made and stored nowhere.
        {"kind": "timm", "architecture": {"model_name": "eva02_tiny_patch14_224", **TIMM}},
        {"kind": "patches"},
    ],
)
def test_every_kind_of_tower_gives_equal_logits(tmp_path: Path, tower: dict[str, Any]) -> None:
    config = replace(debug_config(), vision=VisionConfig(**tower, image_size=56, patch_size=14, width=48))
    model = build_model(config, seed=0).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.1)
    sample = [5, *IMAGE, 6, 7, 8]
    batch = packed([sample], config)

    theirs = exported(model, tmp_path)

    with torch.no_grad():
        got = theirs(input_ids=torch.tensor([sample]), pixel_values=batch.images_NCHW).logits[0]
        wanted = model.logits(batch)
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_transformers_generates_the_same_text_from_a_padded_batch(tmp_path: Path) -> None:
    model = debug_model().eval()
    theirs = exported(model, tmp_path)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    prompts = [
        Prompt(tokens=(*IMAGE, 9, 10), images_NCHW=images[:1]),
        Prompt(tokens=(3, 5, *IMAGE, 11, 12), images_NCHW=images[1:]),
    ]
    ids = torch.tensor([[1, 1, *prompts[0].tokens], list(prompts[1].tokens)])
    mask = torch.ones_like(ids)
    mask[0, :2] = 0

    got = theirs.generate(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=images,
        max_new_tokens=8,
        do_sample=False,
        suppress_tokens=[0],
        pad_token_id=1,
    )

    wanted = generate_tokens(model, prompts, NoText(), SamplingSettings(max_new_tokens=8))
    assert got[:, ids.shape[1] :].tolist() == [list(g.tokens) for g in wanted]


def test_tied_embeddings_stay_tied(tmp_path: Path) -> None:
    config = debug_config()
    tied = replace(config, decoder=replace(config.decoder, tie_embeddings=True))

    theirs = exported(build_model(tied, seed=0), tmp_path)

    assert theirs.get_output_embeddings().weight is theirs.get_input_embeddings().weight


@pytest.mark.slow
def test_the_folder_loads_without_this_project(tmp_path: Path) -> None:
    model = debug_model().eval()
    save_model(model, tmp_path / "ours")
    export_to_huggingface(tmp_path / "ours", tmp_path / "theirs")
    batch = packed([[5, *IMAGE, 6]], model.config)
    torch.save({"image": batch.images_NCHW}, tmp_path / "image.pt")
    with torch.no_grad():
        wanted = float(model.logits(batch).square().sum())
    script = f"""
import sys, torch
sys.modules["mm1_model"] = None  # Any import of it fails.
from transformers import AutoModelForImageTextToText
model = AutoModelForImageTextToText.from_pretrained({str(tmp_path / "theirs")!r}, trust_remote_code=True)
image = torch.load({str(tmp_path / "image.pt")!r}, weights_only=True)["image"]
with torch.no_grad():
    logits = model.eval()(input_ids=torch.tensor([[5, 0, 0, 0, 0, 6]]), pixel_values=image).logits
print(float(logits.square().sum()))
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "moe", "kind"),
    [
        ({}, None, "LlamaForCausalLM"),
        ({"query_key_value_bias": True}, None, "Qwen2ForCausalLM"),
        ({"query_key_norm": True}, None, "Qwen3ForCausalLM"),
        ({}, MoEConfig(num_experts=4, every=1), "MixtralForCausalLM"),
    ],
)
def test_a_decoder_alone_is_the_published_one(
    tmp_path: Path, changes: dict[str, Any], moe: MoEConfig | None, kind: str
) -> None:
    config = debug_config(moe=moe)
    model = build_model(replace(config, decoder=replace(config.decoder, **changes)), seed=0).eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    save_model(model, tmp_path / "ours")
    tokens = [5, 6, 7, 8, 9, 10]

    export_decoder_to_huggingface(tmp_path / "ours", tmp_path / "theirs")

    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "theirs").eval()
    assert type(theirs).__name__ == kind
    with torch.no_grad():
        got = theirs(torch.tensor([tokens])).logits[0]
        wanted = model.logits(packed([tokens], model.config))
    torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-5)


def test_a_decoder_that_nobody_published_is_refused(tmp_path: Path) -> None:
    save_model(debug_model(moe=MoEConfig(num_experts=4, every=2)), tmp_path / "ours")

    with pytest.raises(WeightsError, match="no published decoder has experts every 2 layers"):
        export_decoder_to_huggingface(tmp_path / "ours", tmp_path / "theirs")


def test_images_that_see_themselves_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    config = debug_config()
    both_ways = replace(config, decoder=replace(config.decoder, image_attention="bidirectional"))
    save_model(build_model(both_ways, seed=0), tmp_path / "ours")

    with pytest.raises(WeightsError, match="reads images in both directions"):
        export_to_huggingface(tmp_path / "ours", tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()
