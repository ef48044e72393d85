"""A model as a folder: ``config.json``, safetensors, and the tokenizer if there is one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from mm1_model.config import ModelConfig
from mm1_model.model import MM1, empty_model
from mm1_model.weights.files import MAX_FILE_BYTES, read_tensors, write_tensors
from mm1_model.weights.state import WeightsError, expected_tensors, fill

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"


def save_model(
    model: MM1,
    folder: Path,
    *,
    dtype: torch.dtype | None = None,
    tokenizer: Path | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Writes a model that ``load_model`` reads.

    Args:
        model: whole, on any device.
        folder: made if absent; weights of an earlier save in it are replaced.
        dtype: None keeps the parameters' own type.
        tokenizer: a ``tokenizer.json`` to lay beside the weights.
        max_file_bytes: weights are split into files of at most this size.
    """
    tensors = {
        name: tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None)
        for name, tensor in expected_tensors(model).items()
    }
    write_tensors(folder, tensors, max_file_bytes=max_file_bytes)
    if tokenizer is not None:
        shutil.copyfile(tokenizer, folder / TOKENIZER)
    write_config(model.config, folder)


def load_model(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> MM1:
    """Reads what ``save_model`` wrote, with parameters of type ``dtype``.

    Raises:
        WeightsError: there is no checkpoint, or its tensors do not fit its own settings; every one
            is named.
    """
    model = empty_model(read_config(folder), device=device, dtype=dtype)
    fill(model, read_tensors(folder), source=str(folder))
    return model.eval()


def write_config(config: ModelConfig, folder: Path) -> None:
    """Writes ``config.json``; the weights must be there already, since readers look for it."""
    text = json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"
    (folder / CONFIG).write_text(text)


def read_config(folder: Path) -> ModelConfig:
    """Reads ``config.json``.

    Raises:
        WeightsError: there is none, or it is not of a model that this build reads.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise WeightsError(f"{folder} is no checkpoint: it has no {CONFIG}")
    try:
        return ModelConfig.from_dict(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"cannot read {path}: {error}") from error
