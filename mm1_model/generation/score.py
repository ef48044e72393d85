"""The likelihood of given continuations, for multiple choice.

Legend: B prompts or continuations, Q tokens of the longest continuation, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mm1_model.generation.prefill import extend, prefill
from mm1_model.generation.prompt import Prompt, check_prompts
from mm1_model.model import MM1


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuationScore:
    """How likely one continuation is."""

    log_probability: float
    """Sum over its tokens, in nats."""

    num_tokens: int

    is_greedy: bool
    """Whether each of its tokens is the likeliest one where it stands."""

    logits_QV: Tensor
    """``(Q, V)`` float32: what predicts each of its tokens."""


@torch.no_grad()
def score_continuations(model: MM1, prompt: Prompt, continuations: Sequence[Sequence[int]]) -> list[ContinuationScore]:
    """Scores tokenized ``continuations`` of one prompt, which is read once for all of them.

    Raises:
        ValueError: a continuation is empty, or longer than the model's positions allow.
    """
    if not continuations:
        return []
    for number, continuation in enumerate(continuations):
        if not continuation:
            raise ValueError(f"continuation {number} is empty")
    num_new = max(len(c) for c in continuations)
    check_prompts([prompt], model.config, num_new)
    first_1V, cache = prefill(model, [prompt], num_new=0)
    count = len(continuations)
    logits_BQV = first_1V.unsqueeze(1).expand(count, 1, -1)
    if num_new > 1:
        total = len(prompt.tokens) + num_new - 1
        # Padding comes last and attention is causal: what it holds changes no score.
        padded = [list(c[:-1]) + [0] * (num_new - len(c)) for c in continuations]
        tokens_BQ = torch.tensor(padded, device=first_1V.device)
        rest_BQV = extend(model, cache.repeat(count, total), tokens_BQ, longest=total)
        logits_BQV = torch.cat((logits_BQV, rest_BQV), dim=1)
    return [
        _score(logits_BQV[number, : len(continuation)], continuation)
        for number, continuation in enumerate(continuations)
    ]


def _score(logits_QV: Tensor, continuation: Sequence[int]) -> ContinuationScore:
    tokens_Q = torch.tensor(list(continuation), device=logits_QV.device)
    log_probabilities_Q = logits_QV.log_softmax(dim=1).gather(1, tokens_Q.unsqueeze(1))
    return ContinuationScore(
        log_probability=float(log_probabilities_Q.sum()),
        num_tokens=len(continuation),
        is_greedy=bool((logits_QV.argmax(dim=1) == tokens_Q).all()),
        logits_QV=logits_QV,
    )
