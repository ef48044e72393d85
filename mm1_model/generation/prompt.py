"""Prompts: text with ``<image>`` anywhere, and the images that stand there.

Legend: N images, H and W the tower's image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from mm1_model.config import ModelConfig

IMAGE_MARK = "<image>"


class TextTokenizer(Protocol):
    """What generation asks of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Returns the tokens of ``text`` alone, without begin and end."""

    def decode(self, tokens: list[int]) -> str:
        """Returns the text of ``tokens``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One sequence to continue."""

    tokens: tuple[int, ...]
    """With ``tokens_per_image`` placeholders where an image stands."""

    images_NCHW: Tensor
    """``(N, 3, H, W)`` uint8 RGB at the tower's size, in order. N may be 0."""


def build_prompt(text: str, images_NCHW: Tensor, tokenizer: TextTokenizer, config: ModelConfig) -> Prompt:
    """Returns the prompt whose i-th ``<image>`` is image i.

    The sample's begin token comes first, as in training; white space around ``<image>`` is kept.

    Raises:
        ValueError: there are more or fewer marks than images, or the prompt is empty.
    """
    pieces = text.split(IMAGE_MARK)
    if len(pieces) - 1 != images_NCHW.shape[0]:
        raise ValueError(f"the prompt has {len(pieces) - 1} {IMAGE_MARK} marks for {images_NCHW.shape[0]} images")
    tokens: list[int] = [] if config.begin_id is None else [config.begin_id]
    for number, piece in enumerate(pieces):
        if number:
            tokens += [config.placeholder_id] * config.tokens_per_image
        tokens += tokenizer.encode(piece) if piece else []
    if not tokens:
        raise ValueError("the prompt is empty and the model has no begin token to start from")
    return Prompt(tokens=tuple(tokens), images_NCHW=images_NCHW)


def check_prompts(prompts: Sequence[Prompt], config: ModelConfig, num_new: int) -> None:
    """Raises ``ValueError`` for a prompt that the model cannot continue by ``num_new`` tokens."""
    for number, prompt in enumerate(prompts):
        placeholders = prompt.tokens.count(config.placeholder_id)
        features = prompt.images_NCHW.shape[0] * config.tokens_per_image
        if placeholders != features:
            raise ValueError(f"prompt {number} has {placeholders} placeholders for {features} visual tokens")
        total = len(prompt.tokens) + num_new
        if total > config.decoder.max_positions:
            raise ValueError(
                f"prompt {number} of {len(prompt.tokens)} tokens and {num_new} new ones are"
                f" {total} positions; the model was made for {config.decoder.max_positions}"
            )
