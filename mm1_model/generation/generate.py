"""Continues a batch of prompts token by token.

Legend: B prompts, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from mm1_model.generation.prefill import extend, prefill
from mm1_model.generation.prompt import Prompt, TextTokenizer, check_prompts
from mm1_model.generation.sampling import SamplingSettings, next_tokens
from mm1_model.model import MM1

FinishReason = Literal["end", "stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One continuation."""

    tokens: tuple[int, ...]
    """All tokens that were drawn, without the end token; may run past a stop string."""

    text: str
    """Cut before the stop string that ended it."""

    finish: FinishReason
    """Why it ended: the end token, a stop string, or ``max_new_tokens``."""


@torch.no_grad()
def generate_tokens(
    model: MM1,
    prompts: Sequence[Prompt],
    tokenizer: TextTokenizer,
    settings: SamplingSettings,
) -> list[Generation]:
    """Returns one continuation a prompt, in order.

    A prompt's greedy continuation does not depend on its neighbours in the batch.

    Raises:
        ValueError: a prompt's placeholders and images differ, or prompt and continuation are longer
            than the model's positions.
    """
    if not prompts:
        return []
    check_prompts(prompts, model.config, settings.max_new_tokens)
    generator = torch.Generator().manual_seed(settings.seed)
    states = [_Continuation(tokenizer, settings.stop, model.config.end_id) for _ in prompts]
    logits_BV, cache = prefill(model, prompts, num_new=settings.max_new_tokens)
    longest = max(len(p.tokens) for p in prompts)
    for step in range(settings.max_new_tokens):
        # A placeholder stands for an image, which the model does not make.
        logits_BV[:, model.config.placeholder_id] = -torch.inf
        tokens_B = next_tokens(logits_BV, settings, generator)
        for state, token in zip(states, tokens_B.tolist(), strict=True):
            state.add(token)
        if all(state.finish for state in states) or step + 1 == settings.max_new_tokens:
            break
        longest += 1
        logits_BV = extend(model, cache, tokens_B.unsqueeze(1), longest=longest)[:, 0]
    return [state.result() for state in states]


class _Continuation:
    """What one prompt has been given so far."""

    def __init__(self, tokenizer: TextTokenizer, stop: tuple[str, ...], end_id: int | None) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._end_id = end_id
        self._tokens: list[int] = []
        self.finish: FinishReason | None = None

    def add(self, token: int) -> None:
        if self.finish:
            return
        if token == self._end_id:
            self.finish = "end"
            return
        self._tokens.append(token)
        if self._stop and self._stop_place(self._text()) is not None:
            self.finish = "stop"

    def result(self) -> Generation:
        text = self._text()
        place = self._stop_place(text)
        return Generation(
            tokens=tuple(self._tokens),
            text=text if place is None else text[:place],
            finish=self.finish or "length",
        )

    def _text(self) -> str:
        return self._tokenizer.decode(self._tokens)

    def _stop_place(self, text: str) -> int | None:
        places = [place for place in (text.find(stop) for stop in self._stop) if place >= 0]
        return min(places, default=None)
