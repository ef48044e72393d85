"""Pretrained parts for a new model: a tower of open_clip or timm, a decoder of Hugging Face.

Legend: V rows of the vocabulary, D the decoder's width.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mm1_model.config import DecoderConfig, MoEConfig
from mm1_model.model import MM1
from mm1_model.vision.build import load_pretrained_tower, names_weights
from mm1_model.weights.files import read_tensors
from mm1_model.weights.hub import checkpoint_folder
from mm1_model.weights.huggingface_config import decoder_config_from_huggingface
from mm1_model.weights.huggingface_names import from_huggingface
from mm1_model.weights.state import WeightsError, fill

_VOCABULARY_ROWS = ("decoder.embedding.weight", "head.projection.weight")
_DERIVED = ("rotary_emb.inv_freq",)


def load_pretrained_parts(model: MM1) -> None:
    """Loads what ``config.vision`` and ``config.decoder`` name; parts that name nothing stay.

    Raises:
        WeightsError: weights are not there, could not be downloaded, or do not fit the model; then
            each tensor that does not is named.
    """
    if names_weights(model.config.vision):
        _load_tower(model)
    if model.config.decoder.pretrained is not None:
        load_decoder(model, checkpoint_folder(model.config.decoder.pretrained))


def _load_tower(model: MM1) -> None:
    vision = model.config.vision
    source = f"{vision.model} {vision.pretrained or ''}".strip()
    try:
        tower = load_pretrained_tower(vision)
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(f"cannot load the tower {source}: {error}") from error
    fill(model.tower, tower.state_dict().items(), source=source)


def read_decoder_config(folder: Path) -> tuple[DecoderConfig, MoEConfig | None]:
    """Returns the settings of the Hugging Face checkpoint in ``folder``.

    Raises:
        WeightsError: there is none, or this decoder cannot be like it.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise WeightsError(f"{folder} is no Hugging Face checkpoint: it has no config.json")
    values: dict[str, Any] = json.loads(path.read_text())
    return decoder_config_from_huggingface(values)


def load_decoder(model: MM1, folder: Path) -> None:
    """Fills decoder and head from a Hugging Face checkpoint in safetensors.

    A vocabulary that is larger than the checkpoint's keeps the new rows at the mean of the old
    ones: such a row changes the old logits least.

    Raises:
        WeightsError: a tensor is missing, unexpected or misshapen; all are named.
    """
    _, moe = read_decoder_config(folder)
    parts = nn.ModuleDict({"decoder": model.decoder, "head": model.head})
    tensors = from_huggingface(read_tensors(folder), moe.num_experts if moe else 0)
    fitted = _fit(tensors, model.config.decoder)
    fill(parts, fitted, source=str(folder))


def _fit(tensors: Iterable[tuple[str, Tensor]], config: DecoderConfig) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors:
        if name.endswith(_DERIVED) or (name == _VOCABULARY_ROWS[1] and config.tie_embeddings):
            continue
        yield name, _grow(tensor, config.vocab_size) if name in _VOCABULARY_ROWS else tensor


def _grow(rows_VD: Tensor, vocab_size: int) -> Tensor:
    new = vocab_size - rows_VD.shape[0]
    if new <= 0:
        return rows_VD
    mean_1D = rows_VD.float().mean(dim=0, keepdim=True).to(rows_VD.dtype)
    grown_VD = rows_VD.new_empty(vocab_size, rows_VD.shape[1])
    grown_VD[:-new], grown_VD[-new:] = rows_VD, mean_1D
    return grown_VD
