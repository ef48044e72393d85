"""Makes a tower from its settings, with random or with pretrained weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import open_clip
import timm
import torch
from open_clip.factory import _get_hf_config
from open_clip.model import _build_vision_tower
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch import nn

from mm1_model.config import CLIP_MEAN, CLIP_STD, VisionConfig
from mm1_model.vision.open_clip_tower import OpenClipTower
from mm1_model.vision.timm_tower import TimmTower
from mm1_model.vision.tower import LinearPatches, VisionTower

LOCAL_FOLDER = "local-dir:"
HUB = "hf-hub:"


def open_clip_vision_config(
    model: str,
    *,
    pretrained: str | None = None,
    image_size: int | None = None,
    frozen: bool = False,
) -> VisionConfig:
    """Returns the settings of an open_clip tower, whole: later builds need no registry.

    Args:
        model: a name of ``open_clip.list_models()``; or ``local-dir:FOLDER`` with an
            ``open_clip_config.json``, or ``hf-hub:NAME`` for a repository of the Hub with one.
        pretrained: a tag of that model or a weights file; None starts at random. A folder or a
            repository brings its own.
        image_size: None for the model's own; else positions are interpolated to it.
        frozen: whether training leaves the tower as it is.

    Raises:
        ValueError: open_clip knows no such model, or it is no vision transformer.
    """
    known = open_clip.get_model_config(model)
    if known is None:
        raise ValueError(f"open_clip has no model {model!r}; see open_clip.list_models(), or give local-dir:FOLDER")
    cfg = cast(Mapping[str, Any], known["vision_cfg"])
    architecture = {
        "embed_dim": known["embed_dim"],
        "vision_cfg": {**cfg, "timm_model_pretrained": False},
        "quick_gelu": known.get("quick_gelu", False),
    }
    patch_size, width = _patch_size_and_width(model, cfg)
    mean, std = _mean_and_std(model, pretrained)
    return VisionConfig(
        kind="open_clip",
        architecture=architecture,
        image_size=image_size or cfg["image_size"],
        patch_size=patch_size,
        width=width,
        mean=mean,
        std=std,
        frozen=frozen,
        model=model,
        pretrained=pretrained,
    )


def build_tower(config: VisionConfig) -> VisionTower:
    """Returns the tower with random weights, at ``config.image_size``.

    Raises:
        ValueError: the architecture is not one of a vision transformer.
    """
    if config.kind == "patches":
        return LinearPatches(config.patch_size, config.width)
    if config.kind == "timm":
        arguments = dict(config.architecture)
        trunk = timm.create_model(arguments.pop("model_name"), pretrained=False, **arguments)
        tower: VisionTower = TimmTower(trunk)
        tower.resize(config.image_size)
        return tower
    return _build_open_clip(config)


def load_pretrained_tower(config: VisionConfig) -> VisionTower:
    """Returns the tower with the weights that ``model`` and ``pretrained`` name.

    The weights are loaded at the resolution of their own training; then the positions are
    interpolated to ``config.image_size``. Pickled files are read with ``weights_only``.

    Raises:
        ValueError: the settings name no weights, or a tag that is not among the model's.
        RuntimeError: the weights could not be downloaded, or do not fit: every missing, unexpected
            and misshapen tensor is named.
        OSError: the Hub gives no answer.
    """
    if config.model is None or not names_weights(config):
        raise ValueError(
            "vision.model and vision.pretrained name no weights: set vision.pretrained to a tag or"
            " a weights file, or vision.model to local-dir:FOLDER or hf-hub:NAME"
        )
    if config.kind == "timm":
        tower = _load_timm(config.model, config.pretrained, config.architecture)
    else:
        tower = _load_open_clip(config.model, config.pretrained)
    tower.resize(config.image_size)
    return tower


def names_weights(config: VisionConfig) -> bool:
    """Whether the settings say where pretrained weights are."""
    brings_its_own = config.model is not None and config.model.startswith((LOCAL_FOLDER, HUB))
    return config.pretrained is not None or brings_its_own


def _load_open_clip(model: str, tag_or_file: str | None) -> VisionTower:
    tags = open_clip.list_pretrained_tags_by_model(model)
    if tag_or_file is not None and tag_or_file not in tags and not Path(tag_or_file).is_file():
        raise ValueError(
            f"vision.pretrained {tag_or_file!r} is neither a file nor a tag of {model};"
            f" its tags are {', '.join(tags) or 'none'}"
        )
    clip = open_clip.create_model(model, pretrained=tag_or_file, require_pretrained=True, weights_only=True)
    return _cut_down(clip.visual)


def _load_timm(model: str, tag_or_file: str | None, architecture: Mapping[str, Any]) -> VisionTower:
    name, overlay = model, None
    if tag_or_file is not None and Path(tag_or_file).is_file():
        overlay = {"file": tag_or_file}
    elif tag_or_file is not None:
        name = f"{model}.{tag_or_file}"  # As timm itself names the weights of a model.
    arguments = {k: v for k, v in architecture.items() if k != "model_name"}
    return TimmTower(timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments))


def _build_open_clip(config: VisionConfig) -> VisionTower:
    given = config.architecture
    visual = _build_vision_tower(
        given["embed_dim"],
        {**given["vision_cfg"], "image_size": config.image_size},
        quick_gelu=given.get("quick_gelu", False),
    )
    tower = _cut_down(visual)
    if isinstance(tower, TimmTower):  # timm builds at the size of its own registry.
        tower.resize(config.image_size)
    return tower


def _cut_down(visual: nn.Module) -> VisionTower:
    if isinstance(visual, TimmModel):
        return TimmTower(visual.trunk)
    if isinstance(visual, VisionTransformer):
        return OpenClipTower(visual)
    raise ValueError(f"{type(visual).__name__} has no square grid of patch features; take a vision transformer")


def _patch_size_and_width(model: str, cfg: Mapping[str, Any]) -> tuple[int, int]:
    if cfg.get("timm_model_name"):
        with torch.device("meta"):
            trunk: Any = timm.create_model(cfg["timm_model_name"], pretrained=False)
        TimmTower(trunk)  # Refuses what is no vision transformer.
        # Of the whole stem: a convolutional one has patches of 1 on a smaller grid.
        return trunk.patch_embed.feat_ratio(), trunk.num_features
    if not isinstance(cfg["layers"], int):
        raise ValueError(f"open_clip's {model!r} is no vision transformer, but a ResNet")
    return cfg.get("patch_size", 16), cfg.get("width", 768)


def _mean_and_std(model: str, pretrained: str | None) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    given: Mapping[str, Any] = {}
    if model.startswith(LOCAL_FOLDER):
        path = Path(model.removeprefix(LOCAL_FOLDER)) / "open_clip_config.json"
        given = json.loads(path.read_text()).get("preprocess_cfg", {})
    elif model.startswith(HUB):
        given = _get_hf_config(model.removeprefix(HUB)).get("preprocess_cfg", {})
    elif pretrained is not None:
        given = open_clip.get_pretrained_cfg(model, pretrained) or {}
    mean, std = given.get("mean") or CLIP_MEAN, given.get("std") or CLIP_STD
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
