"""Towers give open_clip's and timm's own features, at their size and at others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from open_clip.transformer import VisionTransformer

from mm1_model.config import VisionConfig
from mm1_model.vision import build_tower, normalise, open_clip_vision_config
from mm1_model.vision.build import load_pretrained_tower
from mm1_model.vision.open_clip_tower import OpenClipTower
from mm1_model.vision.timm_tower import TimmTower
from mm1_model.vision.tower import LinearPatches
from tests.mm1_model.clips import saved_clip

SMALL: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "width": 48,
    "layers": 3,
    "heads": 4,
    "mlp_ratio": 4.0,
    "output_dim": 24,
}


def small_clip(**changes: Any) -> VisionTransformer:
    torch.manual_seed(0)
    visual = VisionTransformer(**(SMALL | changes))
    for parameter in visual.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return visual.eval()


def test_features_are_open_clips_own_tokens() -> None:
    visual = small_clip(output_tokens=True)
    images = torch.randn(2, 3, 32, 32)

    with torch.no_grad():
        _, wanted = visual(images)
        got = OpenClipTower(visual)(images)

    assert got.shape == (2, 16, 48)
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_patches_are_in_row_major_order() -> None:
    tower = OpenClipTower(small_clip(layers=1))
    black = torch.zeros(1, 3, 32, 32)
    lit = black.clone()
    lit[:, :, 0:8, 24:32] = 1.0  # The last patch of the first row.

    with torch.no_grad():
        embedded = [tower.visual.conv1(x).flatten(2).transpose(1, 2) for x in (black, lit)]

    changed = (embedded[0] != embedded[1]).any(-1).flatten().nonzero().flatten().tolist()
    assert changed == [3]


def test_nothing_of_the_tower_goes_without_a_gradient() -> None:
    for visual in (small_clip(), small_clip(attentional_pool=True, attn_pooler_queries=4)):
        tower = OpenClipTower(visual)

        tower(torch.randn(1, 3, 32, 32)).square().sum().backward()

        assert [n for n, p in tower.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(("before", "after", "patch"), [(32, 64, 8), (378, 672, 14), (336, 224, 14)])
def test_resized_positions_are_those_of_open_clip(before: int, after: int, patch: int) -> None:
    visual = small_clip(image_size=before, patch_size=patch, layers=1)
    state = {f"visual.{k}": v.clone() for k, v in visual.state_dict().items()}
    other = small_clip(image_size=after, patch_size=patch, layers=1)
    open_clip.model.resize_pos_embed(state, _Holder(other))
    other.load_state_dict({name.removeprefix("visual."): tensor for name, tensor in state.items()})
    other.output_tokens = True
    tower = OpenClipTower(visual)
    images = torch.randn(1, 3, after, after)

    tower.resize(after)

    with torch.no_grad():
        wanted, got = other(images)[1], tower(images)
    assert got.shape == (1, (after // patch) ** 2, 48)
    torch.testing.assert_close(tower.visual.positional_embedding, state["visual.positional_embedding"])
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    tower = OpenClipTower(small_clip())
    before = tower.visual.positional_embedding.clone()

    tower.resize(32)

    torch.testing.assert_close(tower.visual.positional_embedding, before, atol=1e-6, rtol=0)


class _Holder(torch.nn.Module):
    """What open_clip's function asks of a CLIP model."""

    def __init__(self, visual: VisionTransformer) -> None:
        super().__init__()
        self.visual = visual


def test_siglip_features_are_timms_own_tokens() -> None:
    torch.manual_seed(0)
    trunk: Any = timm.create_model(
        "vit_base_patch16_siglip_224", embed_dim=48, depth=2, num_heads=4, img_size=64
    ).eval()
    images = torch.randn(1, 3, 64, 64)

    with torch.no_grad():
        wanted = trunk.forward_features(images)
        got = TimmTower(trunk)(images)

    assert torch.equal(got, wanted)
    assert got.shape == (1, 16, 48)
    assert not any("attn_pool" in name for name, _ in TimmTower(trunk).named_parameters())


def test_open_clips_siglip_embedding_is_pooled_from_these_tokens() -> None:
    settings = open_clip.get_model_config("ViT-B-16-SigLIP")
    assert settings is not None
    with torch.device("meta"):  # The towers' own first weights would take longer than all the rest.
        theirs: Any = open_clip.model._build_vision_tower(settings["embed_dim"], settings["vision_cfg"])
        tower = build_tower(open_clip_vision_config("ViT-B-16-SigLIP"))
    theirs = theirs.to_empty(device="cpu").eval()
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    pool, state = theirs.trunk.attn_pool, theirs.trunk.state_dict()
    images = torch.randn(1, 3, 224, 224)

    tower.load_state_dict({f"trunk.{k}": v for k, v in state.items() if "attn_pool" not in k}, assign=True)

    with torch.no_grad():
        torch.testing.assert_close(pool(tower.eval()(images)), theirs(images), atol=1e-5, rtol=1e-5)


def test_class_and_register_tokens_are_left_out() -> None:
    torch.manual_seed(0)
    trunk: Any = timm.create_model(
        "vit_base_patch16_224", embed_dim=48, depth=2, num_heads=4, img_size=64, reg_tokens=3
    ).eval()

    with torch.no_grad():
        all_tokens = trunk.forward_features(torch.zeros(1, 3, 64, 64))
        got = TimmTower(trunk)(torch.zeros(1, 3, 64, 64))

    assert torch.equal(got, all_tokens[:, 4:])


def test_the_autoregressive_aim_tower_comes_through_the_same_interface() -> None:
    config = VisionConfig(
        kind="timm",
        architecture={
            "model_name": "aimv2_large_patch14_224",
            "embed_dim": 48,
            "depth": 2,
            "num_heads": 4,
        },
        image_size=56,
        patch_size=14,
        width=48,
    )

    tower = build_tower(config)

    assert tower(torch.randn(1, 3, 56, 56)).shape == (1, config.num_patches, 48)
    assert len(tower.blocks) == 2
    tower.resize(84)
    assert tower(torch.randn(1, 3, 84, 84)).shape == (1, 36, 48)


def test_linear_patches_multiply_the_pixels_of_each_patch() -> None:
    tower = LinearPatches(2, 1)
    with torch.no_grad():
        tower.projection.weight.copy_(torch.arange(12.0).view(1, 12))
        tower.projection.bias.zero_()
    image = torch.zeros(1, 3, 4, 4)
    image[0, 1, 2, 3] = 1.0  # Green, third row, last column: patch 3, its upper right pixel.

    features = tower(image).flatten().tolist()

    # Channel 1, row 0, column 1 of the patch: weight 4 + 1.
    assert features == [0.0, 0.0, 0.0, 5.0]


@pytest.mark.parametrize(
    ("model", "size", "patch", "width", "quick"),
    [
        ("ViT-L-14-336-quickgelu", 336, 14, 1024, True),
        ("ViT-H-14-378-quickgelu", 378, 14, 1280, True),
        ("ViT-B-16-SigLIP", 224, 16, 768, False),
    ],
)
def test_settings_of_open_clips_models(model: str, size: int, patch: int, width: int, quick: bool) -> None:
    config = open_clip_vision_config(model)

    assert (config.image_size, config.patch_size, config.width) == (size, patch, width)
    assert config.architecture["quick_gelu"] is quick
    with torch.device("meta"):
        tower = build_tower(config)
        features = tower(torch.zeros(1, 3, size, size))
    assert features.shape == (1, config.num_patches, width)


@pytest.mark.slow
def test_every_vision_transformer_of_open_clip_gives_its_grid() -> None:
    refused = ("RN", "convnext", "swin", "MobileCLIP-S", "MobileCLIP2-S")
    names = [n for n in open_clip.list_models() if not n.startswith(refused)]

    for name in names:
        config = open_clip_vision_config(name)
        with torch.device("meta"):
            features = build_tower(config)(torch.zeros(1, 3, config.image_size, config.image_size))
        assert features.shape == (1, config.num_patches, config.width), name
    assert len(names) > 100


def test_siglips_own_mean_is_taken_from_its_tag() -> None:
    config = open_clip_vision_config("ViT-B-16-SigLIP", pretrained="webli")

    assert config.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("model", "message"),
    [("ViT-Z-99", "open_clip has no model 'ViT-Z-99'"), ("RN50", "no vision transformer")],
)
def test_what_is_no_vision_transformer_is_refused(model: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_clip_vision_config(model)


def test_a_local_folders_weights_give_its_features(tmp_path: Path) -> None:
    clip = saved_clip(tmp_path)
    images = torch.randn(1, 3, 32, 32)
    config = open_clip_vision_config(f"local-dir:{tmp_path}")
    assert config.mean == (0.5, 0.4, 0.3)

    with torch.no_grad():
        got = load_pretrained_tower(config)(images)
        clip.visual.output_tokens = True
        wanted = clip.visual(images)[1]

    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_pretrained_weights_are_interpolated_to_the_size_asked_for(tmp_path: Path) -> None:
    saved_clip(tmp_path)
    config = open_clip_vision_config(f"local-dir:{tmp_path}", image_size=48)

    tower = load_pretrained_tower(config)

    built = build_tower(config)
    shapes = {n: p.shape for n, p in tower.named_parameters()}
    assert shapes == {n: p.shape for n, p in built.named_parameters()}
    assert tower(torch.zeros(1, 3, 48, 48)).shape == (1, 36, 48)


def test_settings_without_weights_are_refused() -> None:
    config = replace(open_clip_vision_config("ViT-B-32"), pretrained=None)

    with pytest.raises(ValueError, match="name no weights"):
        load_pretrained_tower(config)


def test_pixels_are_scaled_and_normalised_by_channel() -> None:
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)

    pixels = normalise(image, (0.5, 0.2, 0.0), (0.5, 0.1, 2.0), torch.float32)

    # (0 - 0.5) / 0.5, (0.2 - 0.2) / 0.1, (1 - 0) / 2.
    torch.testing.assert_close(pixels.flatten(), torch.tensor([-1.0, 0.0, 0.5]))
