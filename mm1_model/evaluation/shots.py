"""Few-shot prompts as MM1 writes them, and which examples stand before a question.

Captions: ``<image> A photo of``. Questions: ``<image> Question: {question} Short answer:``. Without shots there is
nothing before the query (MM1, appendix; Flamingo puts two examples without images there).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.digests import keyed_digest

TaskKind = Literal["caption", "question"]

IMAGE_MARK = "<image>"
CAPTION_STOPS = ("\n",)
"""MM1 ends a caption at the end of a line."""

ANSWER_STOPS = ("\n", ".", ",", "Question")
"""MM1 ends an answer there, or at the end token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One picture with what people say of it."""

    id: str
    image: str
    """Path of the picture, relative to its file or absolute."""

    question: str | None
    """None: the picture is to be described."""

    answers: tuple[str, ...]
    """Reference captions, or what people answered."""

    @property
    def kind(self) -> TaskKind:
        """Whether it is a caption or a question."""
        return "caption" if self.question is None else "question"


def query(example: Example) -> str:
    """Returns the prompt of one example, up to where the answer begins."""
    if example.question is None:
        return f"{IMAGE_MARK} A photo of"
    return f"{IMAGE_MARK} Question: {example.question} Short answer:"


def demonstration(example: Example) -> str:
    """Returns an example with its answer: the first caption, or what most people answered."""
    answer = example.answers[0] if example.question is None else _commonest(example.answers)
    if example.question is None:
        answer = _without_opening(answer)
    return f"{query(example)} {answer}"


def few_shot_prompt(shots: Sequence[Example], example: Example) -> tuple[str, tuple[str, ...]]:
    """Returns the prompt and the pictures that stand in it, in order."""
    lines = [demonstration(shot) for shot in shots]
    return "\n".join([*lines, query(example)]), tuple(e.image for e in (*shots, example))


def choose_shots(pool: Sequence[Example], example: Example, *, count: int, seed: int) -> list[Example]:
    """Returns ``count`` examples of ``pool`` for one query: drawn by hash, so that no other query changes them.

    More shots have the fewer ones at their end, next to the query.

    Raises:
        ValueError: the pool has too few that show another picture.
    """
    others = [e for e in pool if e.image != example.image and e.id != example.id]
    if len(others) < count:
        raise ValueError(
            f"{count} shots are asked for, the training split has {len(others)} for example {example.id!r}"
        )
    ranked = sorted(others, key=lambda e: keyed_digest("shots", str(seed), example.id, e.id))
    return ranked[:count][::-1]


def _commonest(answers: Sequence[str]) -> str:
    return max(answers, key=lambda a: (answers.count(a), -answers.index(a)))


def _without_opening(caption: str) -> str:
    # After "A photo of" a second "A photo of" would be no English.
    opening = "a photo of "
    return caption[len(opening) :] if caption.lower().startswith(opening) else caption
