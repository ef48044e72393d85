"""Checkpoints by name: a folder of this machine, or a repository of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from mm1_model.weights.files import INDEX
from mm1_model.weights.state import WeightsError

HUB = "hf-hub:"
"""As open_clip and timm write it."""

FILES = ("config.json", "model*.safetensors", INDEX)
"""What a checkpoint is read from: neither pickles, nor other programs' copies of the weights."""


def checkpoint_folder(name: str) -> Path:
    """Returns the folder ``name``, or that of ``hf-hub:NAME[@REVISION]`` in the Hub's local cache.

    A repository is downloaded once; without a network what the cache has is used.

    Raises:
        WeightsError: there is no such repository or revision, or the Hub gives no answer.
    """
    if not name.startswith(HUB):
        return Path(name)
    repository, _, revision = name.removeprefix(HUB).partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES)))
    except (OSError, HFValidationError) as error:
        raise WeightsError(f"cannot get {name}: {error}") from error
