"""Guards on what a model wrote: a caption that is refused is recorded with its reason, and the alt text is kept."""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from pipelines.interleave.language import identify_language

MIN_LANGUAGE_CHARACTERS = 60
"""Below, the identifier is wrong too often (0.925 of short texts right, 0.983 at 60 characters)."""

MIN_LANGUAGE_PROBABILITY = 0.9
MAX_REPETITION = 3
"""A word in a row, or a run of words, that comes more often is a decoder that is stuck."""

_REFUSALS = re.compile(
    r"\b(?:i(?: am|'m) (?:sorry|unable|not able)|i (?:cannot|can't|can not|could not|couldn't) (?:\w+ )?"
    r"(?:see|view|help|assist|provide|describe|identify|fulfil\w*|comply|process|access|determine)"
    r"|as an ai\b|as a language model|language model|please (?:provide|share|upload|supply)"
    r"|no image (?:was |is |has been )?(?:provided|attached|given)|unable to (?:see|view|process|describe|provide))",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"\b(?:caption|sentence|text|description) ?[12]\s*:|^\s*(?:caption|description|output|answer|result)\s*:"
    r"|<\|?(?:im_start|im_end|start_of_text|end_of_text|endoftext|image|user|assistant)\b|\[/?INST\]|###",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Refused(StrEnum):
    """Why a caption was refused. Values are file format."""

    EMPTY = "empty"
    REFUSAL = "refusal"
    ECHO = "prompt_echo"
    TOO_LONG = "too_long"
    REPETITION = "repetition"
    LANGUAGE = "language"
    FAILED = "failed"
    """The model gave no answer, or the image cannot be decoded."""


def refuse(caption: str, *, max_words: int, languages: tuple[str, ...], prompt: str = "") -> Refused | None:
    """Returns why a caption that a model wrote is not used, None where it is.

    Args:
        caption: What the model wrote.
        max_words: A longer one describes more than one image, or does not end.
        languages: ISO 639-1 codes that are wanted; empty: all.
        prompt: What the model was told, where it was told something; eight words of it in a row are an echo.
    """
    words = _WORDS.findall(caption)
    checks: tuple[tuple[Refused, Callable[[], bool]], ...] = (
        (Refused.EMPTY, lambda: not words),
        (Refused.REFUSAL, lambda: bool(_REFUSALS.search(caption))),
        (Refused.ECHO, lambda: bool(_ECHO.search(caption)) or _shares_run(words, _WORDS.findall(prompt))),
        (Refused.TOO_LONG, lambda: len(words) > max_words),
        (Refused.REPETITION, lambda: is_repetitive(words)),
        (Refused.LANGUAGE, lambda: bool(languages) and not _is_in(caption, languages)),
    )
    return next((reason for reason, is_broken in checks if is_broken()), None)


def is_repetitive(words: list[str]) -> bool:
    """Returns whether a word follows itself, or three words come together, more than ``MAX_REPETITION`` times."""
    lower = [word.casefold() for word in words]
    in_a_row = 1
    for before, word in itertools.pairwise(lower):
        in_a_row = in_a_row + 1 if word == before else 1
        if in_a_row > MAX_REPETITION:
            return True
    trigrams = Counter(zip(lower, lower[1:], lower[2:], strict=False))
    return bool(trigrams) and max(trigrams.values()) > MAX_REPETITION


def _shares_run(words: list[str], prompt: list[str], length: int = 8) -> bool:
    told = {tuple(word.casefold() for word in prompt[i : i + length]) for i in range(len(prompt) - length + 1)}
    said = (tuple(word.casefold() for word in words[i : i + length]) for i in range(len(words) - length + 1))
    return any(run in told for run in said)


def _is_in(caption: str, languages: tuple[str, ...]) -> bool:
    if len(caption) < MIN_LANGUAGE_CHARACTERS:
        return True
    language, probability = identify_language(caption)
    return language is None or language in languages or (probability or 0.0) < MIN_LANGUAGE_PROBABILITY
