"""Which language a text is in, by py3langid (a naive Bayes model over byte n-grams, Lui and Baldwin 2012)."""

from functools import lru_cache
from typing import Any

SAMPLE_CHARACTERS = 120
"""Taken of the beginning and of the middle of a text: more costs time and changes hardly a verdict."""

MIN_LETTERS = 10


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify_language(text: str) -> tuple[str | None, float | None]:
    """Returns the ISO 639-1 code of a text's language and its probability; None for text without words."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < MIN_LETTERS:
        return None, None
    language, probability = _identifier().classify(sample)
    return str(language), float(probability)


def _sample(text: str) -> str:
    if len(text) <= 2 * SAMPLE_CHARACTERS:
        return text
    middle = len(text) // 2
    return f"{text[:SAMPLE_CHARACTERS]} {text[middle : middle + SAMPLE_CHARACTERS]}"
