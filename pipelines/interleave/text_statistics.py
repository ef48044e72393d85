"""The measures of OBELICS, of a document and of each of its paragraphs, in time that grows with the text.

Definitions: arXiv 2306.16527, appendix A.1.4, and the configuration released with it. Everything is counted once, over
the whole text, in arrays; a paragraph's values are those of its slice.
"""

import re
import string
import unicodedata
from functools import lru_cache
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.interleave.word_lists import FLAGGED_WORDS, SPAM_WORDS, STOP_WORDS
from schemas.text_statistics import TextStatistics

CHARACTERS_PER_GRAM = 10
WORDS_PER_GRAM = 5
MIN_WORDS_FOR_PUNCTUATION = 12
MAX_LETTERS = 20
"""Of a word, or of each part of a hyphenated one, that is built like a word."""

BUCKET_BITS = 15
MAX_REMEMBERED = 1 << 18
"""Words whose kinds are remembered."""

PARAGRAPH_SEPARATOR = "\n\n"

_MARKS = string.punctuation + "¡¿«»‘’“”„…–—、。，！？：；"
_WORD_LIKE = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\Z")
_PART = re.compile(r"['’-]")
_THRICE = re.compile(r"(.)\1\1")
_VOWEL = re.compile(r"[aeiouy]")

_STOP, _FLAGGED, _SPAM, _COMMON = 1, 2, 4, 8
_SPECIAL, _MARK, _TOKEN = 1, 2, 4
_TRUE = np.ones(1, dtype=np.bool_)
_ONE = np.uint64(1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Integers = NDArray[np.int64]
Statistics = tuple[TextStatistics, tuple[TextStatistics, ...]]


def describe(text: str, language: str | None) -> Statistics:
    """Returns the statistics of a text, and those of each of its paragraphs: the parts between empty lines.

    Args:
        text: Any text; an empty one has no repetition and no words.
        language: ISO 639-1 code, which chooses the function words; None if not known.
    """
    paragraphs = text.split(PARAGRAPH_SEPARATOR)
    tokens = [paragraph.split() for paragraph in paragraphs]
    characters = _spans([len(paragraph) for paragraph in paragraphs], gap=len(PARAGRAPH_SEPARATOR))
    words = _spans([len(found) for found in tokens], gap=0)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    numbers, kinds = _number_words(tokens, language or "")
    classes = _class_table()[codes]
    in_token = (classes & _TOKEN) != 0
    token_starts = np.diff(in_token, prepend=False) & in_token
    columns = (
        _lengths(words),
        _lengths(characters),
        _repetition(codes, characters, CHARACTERS_PER_GRAM, only_top=True),
        _repetition(numbers, words, WORDS_PER_GRAM, only_top=False),
        _sums((classes & _SPECIAL) != 0, characters),
        _sums((classes & _MARK) != 0, characters),
        _sums(token_starts, characters),
        *(_sums((kinds & kind) != 0, words) for kind in (_STOP, _FLAGGED, _SPAM, _COMMON)),
    )
    rows = zip(*columns, strict=True)
    described = [_statistics(*row, has_stop_words=language in STOP_WORDS) for row in rows]
    return described[0], tuple(described[1:])


def _statistics(
    n_words: int,
    n_characters: int,
    character_repetition: float,
    word_repetition: float,
    *counts: int,
    has_stop_words: bool,
) -> TextStatistics:
    special, marks, tokens, stop, flagged, spam, common = counts
    per_word = 1 / max(1, n_words)
    return TextStatistics(
        n_words=n_words,
        character_repetition=character_repetition,
        word_repetition=word_repetition,
        special_characters=special / max(1, n_characters),
        stop_words=stop * per_word if has_stop_words else None,
        flagged_words=flagged * per_word,
        punctuation=marks / max(1, marks + tokens) if n_words >= MIN_WORDS_FOR_PUNCTUATION else None,
        spam_words=spam * per_word,
        common_words=common * per_word,
        perplexity=None,
    )


def _spans(lengths: list[int], gap: int) -> Integers:
    """Returns ``(1 + len(lengths), 2)`` of start and end: of the whole, then of its parts that lie ``gap`` apart."""
    ends = np.cumsum(np.array(lengths, dtype=np.int64) + gap) - gap
    starts = ends - lengths
    return np.stack((np.append(0, starts), np.append(ends[-1], ends)), axis=1)


def _lengths(spans: Integers) -> list[int]:
    return [int(length) for length in spans[:, 1] - spans[:, 0]]


def _sums(values: NDArray[Any], spans: Integers) -> list[int]:
    """Returns the sum of ``values`` over each span."""
    totals = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=totals[1:])
    sums: list[int] = (totals[spans[:, 1]] - totals[spans[:, 0]]).tolist()
    return sums


def _number_words(tokens: list[list[str]], language: str) -> tuple[Integers, Integers]:
    """Returns the number of each word, equal words equal numbers, and the bits of what each is."""
    flat = list(chain.from_iterable(tokens))
    distinct = dict.fromkeys(flat)
    table = dict(zip(distinct, count(), strict=False))
    numbers = np.array(list(map(table.__getitem__, flat)), dtype=np.int64)
    kinds = np.array(list(map(_word_kinds(language).__getitem__, distinct)), dtype=np.int64)
    return numbers, kinds[numbers]


def _repetition(codes: NDArray[Any], spans: Integers, n: int, *, only_top: bool) -> list[float]:
    """Returns the share of repeated n-grams in each span of ``codes``: the whole first, then its parts.

    With ``only_top``, of ``d`` distinct n-grams, ``s`` of them seen once, only the ``min(floor(sqrt(d)), d - s)`` most
    frequent are added up; else all that are seen more than once. All spans share one sort: keys hold the gram in their
    upper bits and the part, or none where the gram lies in no single part, in the lower ones.
    """
    n_parts = len(spans) - 1
    if len(codes) < n:
        return [0.0] * (n_parts + 1)
    bits = np.uint64((n_parts + 1).bit_length())
    part_mask = (_ONE << bits) - _ONE
    owners = _gram_owners(spans, n)
    n_grams = np.bincount(owners, minlength=n_parts + 1)
    grams = _grams(codes.astype(np.uint64), n)
    may_repeat = _may_repeat(grams)
    keys = (grams[may_repeat] & ~part_mask) | owners[may_repeat].astype(np.uint64)
    keys.sort()
    whole, _ = _runs(keys >> bits)
    repeated = whole[whole > 1]
    share = _top_shares(repeated, np.zeros(len(repeated), dtype=np.int64), np.array([len(grams)]), only_top=only_top)
    counts, starts = _runs(keys)
    is_repeated = counts > 1
    parts = (keys[starts[is_repeated]] & part_mask).astype(np.int64)
    is_inside = parts < n_parts
    of_parts = _top_shares(counts[is_repeated][is_inside], parts[is_inside], n_grams[:n_parts], only_top=only_top)
    return [*share.tolist(), *of_parts.tolist()]


def _top_shares(repeated: Integers, parts: Integers, n_grams: Integers, *, only_top: bool) -> NDArray[np.float64]:
    """Returns the share of repeated n-grams in each part.

    Args:
        repeated: How often each n-gram occurs that occurs more than once.
        parts: The part it lies in.
        n_grams: Of each part.
        only_top: Only the most frequent are added up.
    """
    order = np.lexsort((-repeated, parts))
    totals = np.zeros(len(repeated) + 1, dtype=np.int64)
    np.cumsum(repeated[order], out=totals[1:])
    bounds = np.searchsorted(parts[order], np.arange(len(n_grams) + 1))
    first, n_repeated = bounds[:-1], np.diff(bounds)
    n_distinct = n_grams - (totals[bounds[1:]] - totals[first]) + n_repeated
    k = np.minimum(np.sqrt(n_distinct).astype(np.int64), n_repeated) if only_top else n_repeated
    shares: NDArray[np.float64] = (totals[first + k] - totals[first]) / np.maximum(1, n_grams)
    return shares


def _may_repeat(grams: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Returns which n-grams share a bucket with another: few do, and only those have to be sorted."""
    buckets = (grams >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
    shared: NDArray[np.bool_] = np.bincount(buckets, minlength=1 << BUCKET_BITS)[buckets] > 1
    return shared


def _gram_owners(spans: Integers, n: int) -> Integers:
    """Returns the part in which each n-gram lies; the number of parts for one that lies in no single part."""
    n_parts = len(spans) - 1
    starts, ends = spans[1:, 0], spans[1:, 1]
    gaps = np.append(starts[1:], spans[0, 1]) - ends
    repeats = np.stack((ends - starts, gaps), axis=1).ravel()
    labels = np.stack((np.arange(n_parts), np.full(n_parts, n_parts)), axis=1).ravel()
    of_code = np.repeat(labels, repeats)
    first, last = of_code[: len(of_code) - n + 1], of_code[n - 1 :]
    return np.where(first == last, first, n_parts)


def _runs(ordered: NDArray[np.uint64]) -> tuple[Integers, Integers]:
    """Returns how long each run of equal values is, and where it starts."""
    starts = np.flatnonzero(np.concatenate((_TRUE[: len(ordered)], ordered[1:] != ordered[:-1])))
    return np.diff(np.append(starts, len(ordered))), starts


def _grams(codes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Returns a number for each n-gram: a polynomial in its codes modulo 2**64, equal for equal n-grams."""
    length = max(0, len(codes) - n + 1)
    grams = np.zeros(length, dtype=np.uint64)
    for shift in range(n):
        grams *= _MULTIPLIER
        grams += codes[shift : shift + length]
    # Once more, so that the last code reaches the upper bits too.
    return grams * _MULTIPLIER


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


class _WordKinds(dict[str, int]):
    """The bits of what each word is: function word, flagged, spam, built like a word. Learns as it goes."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._stop_words = STOP_WORDS.get(language, frozenset())

    def __missing__(self, word: str) -> int:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        plain = word.lower().strip(_MARKS).replace("’", "'")
        self[word] = kinds = (
            _STOP * (plain in self._stop_words)
            + _FLAGGED * (plain in FLAGGED_WORDS)
            + _SPAM * (plain in SPAM_WORDS)
            + _COMMON * _is_common(plain)
        )
        return kinds


@lru_cache(maxsize=128)
def _word_kinds(language: str) -> _WordKinds:
    return _WordKinds(language if language in STOP_WORDS else "")


def _is_common(word: str) -> bool:
    if not word or len(word) > 4 * MAX_LETTERS or not _WORD_LIKE.match(word) or _THRICE.search(word):
        return False
    if max(map(len, _PART.split(word))) > MAX_LETTERS:
        return False
    return not word.isascii() or bool(_VOWEL.search(word))
