"""Loads a toy model exactly as a real one: everything but the list of merges is open_clip's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip

from world.models.architectures import MERGES_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model of open_clip with what it needs to see and to read."""

    model: Any
    preprocess: Any
    tokenizer: Any


def load(folder: Path) -> LoadedModel:
    """Loads the model in ``folder``, which holds ``open_clip_config.json`` and safetensors.

    Raises:
        FileNotFoundError: if the folder or its configuration is missing.
    """
    name = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(name, require_pretrained=True)
    merges = folder / MERGES_FILE
    options = {"bpe_path": str(merges)} if merges.is_file() else {}
    tokenizer = open_clip.get_tokenizer(name, **options)
    return LoadedModel(model=model.eval(), preprocess=preprocess, tokenizer=tokenizer)
