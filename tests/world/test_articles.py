"""Articles read like text of the web by the statistics that OBELICS filters on (arXiv 2306.16527, A.1.4)."""

import math
import re
from collections import Counter

import pytest

from world.articles import (
    Article,
    english_article,
    foreign_article,
    nearly_the_same,
    repetitive_article,
)
from world.seeds import keyed_random

_STOP_WORDS = (
    "a an and are as at be been but by could did do each few for from had has he her him his how i if in into is"
    " it its like many may more most much my no not of off on one or our out own said same she so some such than"
    " that the their them then there these they this those to too up us was we were what when where which while"
    " who why will with would you your all any about after again before because only other over"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


def article(seed: int) -> Article:
    return english_article(keyed_random(seed, "test"), num_paragraphs=4 + seed % 6)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def five_grams(text: str) -> Counter[tuple[str, ...]]:
    spoken = words(text)
    return Counter(tuple(spoken[start : start + 5]) for start in range(len(spoken) - 4))


def word_repetition(text: str) -> float:
    counts = five_grams(text)
    return sum(count for count in counts.values() if count > 1) / sum(counts.values())


def character_repetition(text: str) -> float:
    counts = Counter(text[start : start + 10] for start in range(len(text) - 9))
    singles = sum(count == 1 for count in counts.values())
    top = min(math.isqrt(len(counts)), len(counts) - singles)
    return sum(count for _, count in counts.most_common(top)) / sum(counts.values())


@pytest.mark.parametrize("seed", range(30))
def test_english_passes_the_document_thresholds(seed: int) -> None:
    text = "\n\n".join(article(seed).paragraphs)
    spoken = words(text)

    assert 150 < len(spoken) < 1_000
    assert sum(word in STOP_WORDS for word in spoken) / len(spoken) > 0.35
    assert word_repetition(text) < 0.2
    assert character_repetition(text) < 0.1
    assert sum(mark in ".,'" for mark in text) / len(spoken) > 0.03


@pytest.mark.parametrize("seed", range(30))
def test_every_paragraph_passes_the_stop_word_threshold(seed: int) -> None:
    for paragraph in article(seed).paragraphs:
        spoken = words(paragraph)

        assert sum(word in STOP_WORDS for word in spoken) / len(spoken) > 0.3


def test_a_before_a_vowel_is_an() -> None:
    text = " ".join(paragraph for seed in range(60) for paragraph in article(seed).paragraphs)

    assert not re.search(r"\b[Aa] [aeiou]", text)
    assert re.search(r"\ban old\b", text)


def test_a_reprint_is_nearly_the_same() -> None:
    for seed in range(20):
        first = "\n\n".join(article(seed).paragraphs)
        reprint = nearly_the_same(article(seed), keyed_random(seed, "reprint"))
        one, two = set(five_grams(first)), set(five_grams("\n\n".join(reprint.paragraphs)))

        assert 0.8 < len(one & two) / len(one | two) < 1


def test_two_articles_share_little() -> None:
    one = set(five_grams("\n\n".join(article(1).paragraphs)))
    two = set(five_grams("\n\n".join(article(2).paragraphs)))

    assert len(one & two) / len(one | two) < 0.3


def test_a_repetitive_article_fails_the_threshold() -> None:
    assert word_repetition(repetitive_article(keyed_random(1)).paragraphs[0]) > 0.5


@pytest.mark.parametrize("language", ["fr", "de"])
def test_foreign_articles_are_recognised(language: str) -> None:
    langid = pytest.importorskip("py3langid")
    written = foreign_article(keyed_random(1, language), language)

    assert langid.classify(" ".join(written.paragraphs))[0] == language


def test_too_many_paragraphs_are_refused() -> None:
    with pytest.raises(ValueError, match="num_paragraphs must be 1 to 12, got 13"):
        english_article(keyed_random(1), num_paragraphs=13)
