"""A CLIP model as two functions: pictures to unit vectors, texts to unit vectors."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pipelines.imaging.models import load_open_clip

Vectors = NDArray[np.float32]


class ClipModel:
    """Embeds in batches of one fixed size: a batch that is not full is padded, so shapes and bits never vary."""

    def __init__(self, model: Any, preprocess: Any, tokenizer: Any, batch_size: int) -> None:
        self._model, self._preprocess, self._tokenizer = model, preprocess, tokenizer
        self._batch_size = batch_size
        self._parameter = next(model.parameters())

    @functools.cached_property
    def width(self) -> int:
        """Components of an embedding."""
        return int(self.embed_texts([""]).shape[1])

    @property
    def threads(self) -> int:
        """How many threads keep the model fed: a GPU waits for decoding, on a CPU one thread reads ahead."""
        return 8 if self._parameter.is_cuda else 1

    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """Returns an RGB picture as ``(3, H, W)`` pixels, resized and normalised as the model was trained."""
        pixels_CHW: torch.Tensor = self._preprocess(picture)
        return pixels_CHW

    def embed_images(self, images_CHW: Sequence[torch.Tensor]) -> Vectors:
        """Returns ``(len(images_CHW), width)`` unit vectors of prepared pictures."""
        return self._embed(self._model.encode_image, list(images_CHW), self._parameter.dtype)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns ``(len(texts), width)`` unit vectors; a text longer than the model's context is cut there."""
        return self._embed(self._model.encode_text, list(self._tokenizer(list(texts))), None)

    def _embed(self, encode: Any, inputs: list[torch.Tensor], dtype: torch.dtype | None) -> Vectors:
        batches = []
        for start in range(0, len(inputs), self._batch_size):
            chosen = inputs[start : start + self._batch_size]
            padding = [torch.zeros_like(chosen[0])] * (self._batch_size - len(chosen))
            batch = torch.stack([*chosen, *padding]).to(self._parameter.device, dtype)
            with torch.inference_mode():
                vectors = torch.nn.functional.normalize(encode(batch).float(), dim=-1)
            batches.append(vectors[: len(chosen)].cpu().numpy())
        return np.concatenate(batches)


@functools.lru_cache(maxsize=1)
def load_clip(model: str, pretrained: str | None, batch_size: int) -> ClipModel:
    """Returns the model, loaded once in each process."""
    return ClipModel(*load_open_clip(model, pretrained), batch_size)
