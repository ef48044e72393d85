"""A checkpoint folder that answers prompts: what ``mm1 generate`` and the evaluation stand on.

Legend: N images, H and W the tower's image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mm1_model.data.pictures import Fit, decode
from mm1_model.generation.generate import Generation, generate_tokens
from mm1_model.generation.prompt import Prompt, TextTokenizer, build_prompt
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.score import ContinuationScore, score_continuations
from mm1_model.generation.tokenizer import JsonTokenizer
from mm1_model.model import MM1
from mm1_model.weights.folder import TOKENIZER, load_model


class TextGenerator:
    """A model with its tokenizer. ``<image>`` in a prompt stands for the next of its images."""

    def __init__(self, model: MM1, tokenizer: TextTokenizer, *, fit: Fit = "stretch") -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._fit = fit

    @classmethod
    def load(
        cls,
        checkpoint: Path,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        fit: Fit = "stretch",
    ) -> TextGenerator:
        """Reads a checkpoint folder: ``config.json``, safetensors, ``tokenizer.json``.

        Args:
            checkpoint: the folder.
            device: None takes CUDA where there is one.
            dtype: None takes bfloat16 on CUDA and float32 on the CPU.
            fit: how an image becomes a square; what training used.

        Raises:
            ValueError: something of it is absent, or does not fit.
        """
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        kind = dtype or (torch.bfloat16 if where.type == "cuda" else torch.float32)
        tokenizer = JsonTokenizer.load(checkpoint / TOKENIZER)
        return cls(load_model(checkpoint, device=where, dtype=kind), tokenizer, fit=fit)

    def prompt(self, text: str, images: Sequence[bytes]) -> Prompt:
        """Returns ``text`` and encoded image files as a prompt.

        Raises:
            ValueError: marks and images differ in number, or an image cannot be decoded.
        """
        return build_prompt(text, self._decode(images), self.tokenizer, self.model.config)

    def generate(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> list[Generation]:
        """Continues the prompts as one batch; see ``generate_tokens``."""
        return generate_tokens(self.model, prompts, self.tokenizer, settings)

    def score(self, prompt: Prompt, continuations: Sequence[str]) -> list[ContinuationScore]:
        """Scores continuations, for multiple choice; see ``score_continuations``."""
        tokens = [self.tokenizer.encode(text) for text in continuations]
        return score_continuations(self.model, prompt, tokens)

    def _decode(self, images: Sequence[bytes]) -> Tensor:
        side = self.model.config.vision.image_size
        if not images:
            return torch.zeros(0, 3, side, side, dtype=torch.uint8)
        return torch.stack([decode(data, side, fit=self._fit) for data in images])


def generate(
    checkpoint: Path,
    prompt: str,
    images: Sequence[Path] = (),
    *,
    settings: SamplingSettings | None = None,
    device: str | None = None,
    dtype: torch.dtype | None = None,
) -> Generation:
    """Continues one prompt with a checkpoint: ``mm1 generate``.

    Args:
        checkpoint: folder with ``config.json``, safetensors and ``tokenizer.json``.
        prompt: text in which the i-th ``<image>`` stands for the i-th of ``images``.
        images: image files.
        settings: None is greedy, up to 64 tokens.
        device: None takes CUDA where there is one.
        dtype: None takes bfloat16 on CUDA and float32 on the CPU.

    Raises:
        ValueError: the checkpoint, the prompt or an image is not sound.
        OSError: an image file cannot be read.
    """
    generator = TextGenerator.load(checkpoint, device=device, dtype=dtype)
    built = generator.prompt(prompt, [path.read_bytes() for path in images])
    return generator.generate([built], settings or SamplingSettings())[0]
