"""Readable articles from sentence forms: no form twice in one article, every slot drawn anew."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from world import words

_BEFORE_VOWEL = re.compile(r"\b([Aa])(?= [aeiou])")

_SLOTS = {**words.SLOTS, **words.FOREIGN_SLOTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A title and paragraphs of plain text, of one language."""

    title: str
    paragraphs: tuple[str, ...]
    language: str
    """ISO 639-1 code: ``en``, ``fr`` or ``de``."""


class _Slots(dict[str, str]):
    """Fills a form: names that the article fixes, and a new draw for every other."""

    def __init__(self, rng: Random, **fixed: str) -> None:
        super().__init__(fixed)
        self._rng = rng

    def __missing__(self, name: str) -> str:
        return self._rng.choice(_SLOTS[name])


def english_article(rng: Random, *, num_paragraphs: int) -> Article:
    """Writes an English article of 3 to 5 sentences a paragraph.

    Raises:
        ValueError: if ``num_paragraphs`` could need more forms than there are.
    """
    if not 1 <= num_paragraphs <= len(words.ENGLISH) // 5:
        raise ValueError(f"num_paragraphs must be 1 to {len(words.ENGLISH) // 5}, got {num_paragraphs}")
    slots = _Slots(rng, town=rng.choice(words.TOWNS))
    forms = rng.sample(words.ENGLISH, len(words.ENGLISH))
    forms[0] = rng.choice(words.OPENINGS)
    paragraphs = []
    for _ in range(num_paragraphs):
        number = rng.randint(3, 5)
        paragraphs.append(_with_articles(" ".join(form.format_map(slots) for form in forms[:number])))
        del forms[:number]
    title = _with_articles(rng.choice(words.TITLES).format_map(slots))
    return Article(title=title, paragraphs=tuple(paragraphs), language="en")


def _with_articles(text: str) -> str:
    """Turns ``a old`` into ``an old``: no word of the lists is an exception to the plain rule."""
    return _BEFORE_VOWEL.sub(r"\1n", text)


def foreign_article(rng: Random, language: str) -> Article:
    """Writes a French (``fr``) or German (``de``) article of three paragraphs."""
    forms: Sequence[str] = {"fr": words.FRENCH, "de": words.GERMAN}[language]
    slots = _Slots(rng)
    drawn = [form.format_map(slots) for form in rng.sample(forms, 9)]
    paragraphs = tuple(" ".join(drawn[start : start + 3]) for start in (0, 3, 6))
    title = {"fr": "Une promenade à {}", "de": "Ein Spaziergang in {}"}[language]
    return Article(title=title.format(rng.choice(words.TOWNS)), paragraphs=paragraphs, language=language)


def repetitive_article(rng: Random) -> Article:
    """Writes what no filter of repetition should keep: one sentence over and over."""
    line = rng.choice(words.ENGLISH).format_map(_Slots(rng, town=rng.choice(words.TOWNS)))
    return Article(title="Best offers", paragraphs=(" ".join([line] * 8),) * 2, language="en")


def nearly_the_same(article: Article, rng: Random) -> Article:
    """Changes two words of an article, as a reprint does."""
    paragraphs = list(article.paragraphs)
    for place in (0, len(paragraphs) - 1):
        parts = paragraphs[place].split(" ")
        chosen = rng.randrange(len(parts) // 2, len(parts) - 1)
        parts[chosen] = rng.choice(words.SLOTS["adjective"])
        paragraphs[place] = " ".join(parts)
    return Article(title=f"{article.title} (reprint)", paragraphs=tuple(paragraphs), language=article.language)
