"""The two toy models in open_clip's own configuration form, and where their files lie."""

from pathlib import Path
from typing import Any

CLIP_NAME = "mm1-demo-clip"
COCA_NAME = "mm1-demo-coca"

MERGES_FILE = "bpe_merges.txt.gz"
"""Merges for open_clip's ``SimpleTokenizer``; its own list would need a table of 49,408 rows."""

WEIGHTS_FILE = "open_clip_model.safetensors"

NUM_MERGES = 256
VOCAB_SIZE = 2 * 256 + NUM_MERGES + 2
"""Bytes, bytes at a word's end, merges, start and end of text: the order of ``SimpleTokenizer``."""

IMAGE_SIZE = 72
CONTEXT_LENGTH = 32
CAPTION_LENGTH = 24
"""Tokens of a text: the CLIP also sees sentences, the CoCa only captions."""

MEAN = 0.5
STD = 0.25
"""Of the pixels, for all three channels, on a scale from 0 to 1."""

PREPROCESS = {
    "mean": [MEAN] * 3,
    "std": [STD] * 3,
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
"""Squashed, not cropped: a cut edge could hold one of the shapes that a caption counts."""

_VISION = {
    "image_size": IMAGE_SIZE,
    "patch_size": 12,
    "width": 128,
    "head_width": 32,
    "layers": 3,
    "pool_type": "avg",
}

_TEXT = {
    "context_length": CONTEXT_LENGTH,
    "vocab_size": VOCAB_SIZE,
    "width": 128,
    "heads": 4,
}

MODEL_CONFIGS: dict[str, dict[str, Any]] = {
    CLIP_NAME: {
        "embed_dim": 128,
        "vision_cfg": _VISION,
        "text_cfg": {**_TEXT, "layers": 2},
    },
    COCA_NAME: {
        "embed_dim": 128,
        "vision_cfg": {**_VISION, "output_tokens": True},
        "text_cfg": {
            **_TEXT,
            "context_length": CAPTION_LENGTH,
            "layers": 2,
            "embed_cls": True,
            "output_tokens": True,
        },
        "multimodal_cfg": {
            "context_length": CAPTION_LENGTH,
            "vocab_size": VOCAB_SIZE,
            "width": 128,
            "heads": 4,
            "layers": 2,
        },
        "custom_text": True,
    },
}


def model_folder(name: str) -> Path:
    """Returns the folder that open_clip loads as ``local-dir:FOLDER``."""
    return Path(__file__).parent / name
