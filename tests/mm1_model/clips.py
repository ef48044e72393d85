"""A small CLIP model as open_clip publishes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

WEIGHTS = "open_clip_model.safetensors"


def saved_clip(folder: Path) -> Any:
    """Writes settings and weights into ``folder``, and returns the model."""
    text = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}
    vision = {"image_size": 32, "layers": 2, "width": 48, "head_width": 24, "patch_size": 8}
    model_cfg = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text, "quick_gelu": True}
    torch.manual_seed(0)
    model = open_clip.CLIP(**model_cfg).eval()
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model_cfg, "preprocess_cfg": preprocess}))
    state = {k: v.contiguous() for k, v in model.state_dict().items() if k != "attn_mask"}
    save_file(state, folder / WEIGHTS)
    return model
