"""CoCa (arXiv 2205.01917) as a captioner of the job: from pictures to sentences in batches of one fixed size."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from pipelines.imaging.models import load_open_clip, model_name
from pipelines.recaption.coca import CaptionSettings, CocaCaptioner
from schemas.recipe import RecaptionSettings

MAX_TOKENS = 30
"""The length that open_clip's CoCa models are decoded to by default."""


class BatchedCaptioner:
    """Greedy captions; a batch that is not full is padded, so that shapes and bits never vary."""

    prompt = ""

    def __init__(self, coca: CocaCaptioner, preprocess: Any, like: torch.Tensor, *, name: str, batch_size: int) -> None:
        self.name = name
        # A GPU waits for decoding; on a CPU one thread reads ahead.
        self.threads = 8 if like.is_cuda else 1
        self._coca, self._preprocess, self._like, self._batch_size = coca, preprocess, like, batch_size

    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """Returns an RGB picture as ``(3, H, W)`` pixels, resized and normalised as the model was trained."""
        pixels_CHW: torch.Tensor = self._preprocess(picture)
        return pixels_CHW

    def caption(self, pictures: Sequence[torch.Tensor]) -> list[str | None]:
        """Returns a caption for each prepared picture."""
        captions: list[str | None] = []
        for start in range(0, len(pictures), self._batch_size):
            inputs = list(pictures[start : start + self._batch_size])
            padding = [torch.zeros_like(inputs[0])] * (self._batch_size - len(inputs))
            images_BCHW = torch.stack([*inputs, *padding]).to(self._like.device, self._like.dtype)
            captions += self._coca.caption(images_BCHW)[: len(inputs)]
        return captions


def load_coca(settings: RecaptionSettings) -> BatchedCaptioner:
    """Returns the captioner of the settings.

    Raises:
        ModelLoadError: The model cannot be loaded.
        ValueError: It is no CoCa model of open_clip's own towers.
    """
    assert settings.model is not None  # the recipe checks it
    model, preprocess, tokenizer = load_open_clip(settings.model, settings.pretrained)
    coca = CocaCaptioner(
        model,
        tokenizer,
        CaptionSettings(
            max_tokens=min(MAX_TOKENS, model.context_length),
            start_token=tokenizer.sot_token_id,
            end_token=tokenizer.eot_token_id,
        ),
    )
    name = f"coca:{model_name(settings.model, settings.pretrained)}"
    like = next(model.parameters())
    return BatchedCaptioner(coca, preprocess, like, name=name, batch_size=settings.batch_size)
