"""The measures of OBELICS, of a document and of each of its paragraphs, in time that grows with the text.

Definitions: arXiv 2306.16527, appendix A.1.4, and the configuration released with it. Everything is counted once, over
the whole text, in arrays; a paragraph's values are those of its slice.
"""

import math
import re
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipelines.interleave.word_lists import FLAGGED_WORDS, SPAM_WORDS, STOP_WORDS
from schemas.text_statistics import TextStatistics

CHARACTERS_PER_GRAM = 10
WORDS_PER_GRAM = 5
MIN_WORDS_FOR_PUNCTUATION = 12
MAX_LETTERS = 20
"""Of a word, or of each part of a hyphenated one, that is built like a word."""

PARAGRAPH_SEPARATOR = "\n\n"

_MARKS = string.punctuation + "¡¿«»‘’“”„…–—、。，！？：；"
_WORD_LIKE = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\Z")
_PART = re.compile(r"['’-]")
_THRICE = re.compile(r"(.)\1\1")
_VOWEL = re.compile(r"[aeiouy]")

_STOP, _FLAGGED, _SPAM, _COMMON = range(4)
_SPECIAL, _MARK, _TOKEN = 1, 2, 4
_NONE = np.zeros(0, dtype=np.int64)
_BEFORE = np.array([-1], dtype=np.int64)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Statistics = tuple[TextStatistics, tuple[TextStatistics, ...]]


def describe(text: str, language: str | None) -> Statistics:
    """Returns the statistics of a text, and those of each of its paragraphs: the parts between empty lines.

    Args:
        text: Any text; an empty one has no repetition and no words.
        language: ISO 639-1 code, which chooses the function words; None if not known.
    """
    paragraphs = text.split(PARAGRAPH_SEPARATOR)
    measured = _Measured(text, paragraphs, language)
    start = first = 0
    described: list[TextStatistics] = []
    for paragraph in paragraphs:
        end, last = start + len(paragraph), first + measured.words_in[len(described)]
        described.append(measured.between(start, end, first, last))
        start, first = end + len(PARAGRAPH_SEPARATOR), last
    whole = described[0] if len(described) == 1 else measured.between(0, len(text), 0, len(measured.numbers))
    return whole, tuple(described)


class _Measured:
    """A text as arrays: one value a character, and one a word."""

    def __init__(self, text: str, paragraphs: Sequence[str], language: str | None) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        self._classes = _class_table()[codes]
        self._grams = _grams(codes.astype(np.uint64), CHARACTERS_PER_GRAM)
        self.has_stop_words = language in STOP_WORDS
        table: dict[str, int] = {}
        numbers: list[int] = []
        self.words_in: list[int] = []
        for paragraph in paragraphs:
            tokens = paragraph.split()
            numbers += [table.setdefault(token, len(table)) for token in tokens]
            self.words_in.append(len(tokens))
        self.numbers = np.array(numbers, dtype=np.int64)
        self._word_grams = _grams(self.numbers.astype(np.uint64), WORDS_PER_GRAM)
        flags = np.array([_word_classes(word, language or "") for word in table], dtype=np.int64).reshape(-1, 4)
        self._word_classes = flags[self.numbers]

    def between(self, start: int, end: int, first: int, last: int) -> TextStatistics:
        """Returns the statistics of characters ``start`` to ``end``, which are words ``first`` to ``last``."""
        classes = self._classes[start:end]
        counts = self._word_classes[first:last].sum(axis=0).tolist()
        n_words = last - first
        per_word = 1 / max(1, n_words)
        return TextStatistics(
            n_words=n_words,
            character_repetition=_top_share(self._grams[start : max(start, end - CHARACTERS_PER_GRAM + 1)]),
            word_repetition=_repeated_share(self._word_grams[first : max(first, last - WORDS_PER_GRAM + 1)]),
            special_characters=_count(classes, _SPECIAL) / max(1, end - start),
            stop_words=counts[_STOP] * per_word if self.has_stop_words else None,
            flagged_words=counts[_FLAGGED] * per_word,
            punctuation=_punctuation(classes) if n_words >= MIN_WORDS_FOR_PUNCTUATION else None,
            spam_words=counts[_SPAM] * per_word,
            common_words=counts[_COMMON] * per_word,
            perplexity=None,
        )


def _grams(codes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Returns a number for each n-gram: a polynomial in its codes modulo 2**64, equal for equal n-grams."""
    length = max(0, len(codes) - n + 1)
    grams = np.zeros(length, dtype=np.uint64)
    for shift in range(n):
        grams *= _MULTIPLIER
        grams += codes[shift : shift + length] + np.uint64(1)
    return grams


def _repeated(grams: NDArray[np.uint64]) -> tuple[NDArray[np.int64], int]:
    """Returns how often each n-gram occurs that occurs more than once, and how many distinct ones there are."""
    ordered = np.sort(grams)
    same = ordered[1:] == ordered[:-1]
    n_distinct = len(grams) - int(np.count_nonzero(same))
    if n_distinct == len(grams):
        return _NONE, n_distinct
    bounds = np.flatnonzero(~same)
    counts = np.diff(np.concatenate((_BEFORE, bounds, (len(grams) - 1,))))
    return counts[counts > 1], n_distinct


def _top_share(grams: NDArray[np.uint64]) -> float:
    """Returns the share of the most frequent n-grams.

    Of ``d`` distinct ones, ``s`` of them seen once, the ``min(floor(sqrt(d)), d - s)`` most frequent are added up.
    """
    repeated, n_distinct = _repeated(grams)
    k = min(math.isqrt(n_distinct), len(repeated))
    return float(np.sort(repeated)[len(repeated) - k :].sum() / len(grams)) if k else 0.0


def _repeated_share(grams: NDArray[np.uint64]) -> float:
    repeated, _ = _repeated(grams)
    return float(repeated.sum() / len(grams)) if len(repeated) else 0.0


def _count(classes: NDArray[np.uint8], flag: int) -> int:
    return int(np.count_nonzero(classes & flag))


def _punctuation(classes: NDArray[np.uint8]) -> float:
    """Returns the share of marks among marks and words, as the pattern ``[\\w']+|[marks]`` would find them."""
    in_token = (classes & _TOKEN) != 0
    n_tokens = int(np.count_nonzero(in_token[1:] & ~in_token[:-1])) + int(in_token[0])
    n_marks = _count(classes, _MARK)
    return n_marks / max(1, n_tokens + n_marks)


@lru_cache(maxsize=1)
def _class_table() -> NDArray[np.uint8]:
    """Returns what each code point is: special, a mark, part of a word."""
    table = np.zeros(0x110000, dtype=np.uint8)
    for code in range(0x110000):
        character = chr(code)
        special = unicodedata.category(character)[0] in "NPSZC"
        in_word = character.isalnum() or character in "_'"
        mark = character in _MARKS and not in_word
        table[code] = _SPECIAL * special + _MARK * mark + _TOKEN * in_word
    return table


@lru_cache(maxsize=1 << 16)
def _word_classes(word: str, language: str) -> tuple[int, int, int, int]:
    """Returns 1 for each of: function word, flagged, spam, built like a word."""
    word = word.lower().strip(_MARKS).replace("’", "'")
    return (
        int(word in STOP_WORDS.get(language, ())),
        int(word in FLAGGED_WORDS),
        int(word in SPAM_WORDS),
        int(_is_common(word)),
    )


def _is_common(word: str) -> bool:
    if not word or len(word) > 4 * MAX_LETTERS or not _WORD_LIKE.match(word) or _THRICE.search(word):
        return False
    if max(map(len, _PART.split(word))) > MAX_LETTERS:
        return False
    return not word.isascii() or bool(_VOWEL.search(word))
