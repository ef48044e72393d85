"""A trained model as the captioner ``mm1`` of the recaption job, which finds it by entry point.

Legend: S the tower's image size.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from mm1_model.data.pictures import decode
from mm1_model.generation.generate import generate_tokens
from mm1_model.generation.prompt import build_prompt
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.service import TextGenerator
from schemas.errors import InvalidSettingsError
from schemas.recipe import RecaptionSettings

PROMPT = "<image> A photo of"
"""MM1's own prompt for captions (section 4.2 and appendix on evaluation)."""

SETTINGS = SamplingSettings(max_new_tokens=64, stop=("\n",))
"""MM1 captions greedily, up to a line's end."""


class ModelCaptioner:
    """Greedy captions of a checkpoint."""

    prompt = PROMPT

    def __init__(self, generator: TextGenerator, *, name: str, batch_size: int) -> None:
        self.name = name
        self.threads = 8 if next(generator.model.parameters()).is_cuda else 1
        self._generator, self._batch_size = generator, batch_size

    def prepare(self, picture: Image.Image) -> Tensor:
        """Returns an RGB picture as ``(3, S, S)`` uint8, in the way that training does."""
        data = io.BytesIO()
        picture.save(data, format="PNG", compress_level=0)
        return decode(data.getvalue(), self._generator.model.config.vision.image_size)

    def caption(self, pictures: Sequence[Tensor]) -> list[str | None]:
        """Returns a caption for each prepared picture, None where the model says nothing."""
        captions: list[str | None] = []
        for start in range(0, len(pictures), self._batch_size):
            captions += self._caption_batch(pictures[start : start + self._batch_size])
        return captions

    def _caption_batch(self, pictures: Sequence[Tensor]) -> list[str | None]:
        model, tokenizer = self._generator.model, self._generator.tokenizer
        prompts = [build_prompt(PROMPT, p.unsqueeze(0), tokenizer, model.config) for p in pictures]
        texts = generate_tokens(model, prompts, tokenizer, SETTINGS)
        return [text.text.strip() or None for text in texts]


def load_captioner(settings: RecaptionSettings) -> ModelCaptioner:
    """Returns the captioner of the checkpoint folder ``settings.model``.

    Raises:
        InvalidSettingsError: there is no checkpoint with a tokenizer, or its tensors do not fit.
    """
    folder = Path(settings.model or "")
    if not torch.cuda.is_available():
        torch.set_num_threads(1)  # So that the same batch gives the same bits in every worker.
    try:
        generator = TextGenerator.load(folder)
    except ValueError as error:
        raise InvalidSettingsError(f"recaption.model: {error}") from error
    return ModelCaptioner(generator, name=f"mm1:{folder.name}", batch_size=settings.batch_size)
