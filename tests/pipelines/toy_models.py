"""Tiny open_clip models with random weights, as folders of the layout that the jobs load."""

import gzip
import json
import pathlib
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from pipelines.imaging.models import MERGES_FILE

_MERGES = ("r e", "re d</w>", "b l", "bl u", "blu e</w>")
_VOCABULARY = 2 * 256 + len(_MERGES) + 2
_TEXT = {"context_length": 16, "vocab_size": _VOCABULARY, "width": 32, "heads": 2, "layers": 1}
_VISION = {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16, "layers": 1}
_CLIP = {"embed_dim": 16, "vision_cfg": _VISION, "text_cfg": _TEXT}
_COCA = {
    "embed_dim": 32,
    "vision_cfg": {**_VISION, "output_tokens": True},
    "text_cfg": {**_TEXT, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": {**_TEXT},
    "custom_text": True,
}


def write_toy_clip(folder: pathlib.Path) -> str:
    """Writes a CLIP model with random weights and returns its name for the recipe."""
    return _write(folder, _CLIP)


def write_toy_coca(folder: pathlib.Path) -> str:
    """Writes a CoCa model with random weights and returns its name for the recipe."""
    return _write(folder, _COCA)


def _write(folder: pathlib.Path, model_config: dict[str, Any]) -> str:
    folder.mkdir(parents=True)
    config = {"model_cfg": model_config, "preprocess_cfg": {"resize_mode": "squash"}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / MERGES_FILE).write_bytes(gzip.compress("\n".join(["#version: 0.2", *_MERGES]).encode(), mtime=0))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    generator = torch.Generator().manual_seed(7)
    weights = {
        name: torch.randn(value.shape, generator=generator) * 0.1 if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    save_file(weights, folder / "open_clip_model.safetensors")
    return f"local-dir:{folder}"
