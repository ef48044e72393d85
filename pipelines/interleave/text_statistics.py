"""The measures of OBELICS, of a document and of each of its paragraphs, in time that grows with the text.

Definitions: arXiv 2306.16527, appendix A.1.4, and the configuration released with it. Everything is counted once, over
the whole text, in arrays; a paragraph's values are those of its slice.
"""

import hashlib
import re
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice, starmap
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

MIN_BUCKET_BITS = 15
MAX_REMEMBERED = 1 << 18
"""Words whose codes are remembered."""

PARAGRAPH_SEPARATOR = "\n\n"

_MARKS = string.punctuation + "¡¿«»‘’“”„…–—、。，！？：；"
_WORD_LIKE = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\Z")
_PART = re.compile(r"['’-]")
_THRICE = re.compile(r"(.)\1\1")
_VOWEL = re.compile(r"[aeiouy]")

_STOP, _FLAGGED, _SPAM, _COMMON = 1, 2, 4, 8
_KINDS = np.uint64(15)
_SPECIAL, _MARK, _TOKEN = 1, 2, 4
_COMMON_CODES = 0x20000
"""The planes of all scripts and of emoji. The table of all code points takes a quarter of a second to make."""

_ALL_CODES = 0x110000
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
    return describe_all([text], [language])[0]


def describe_all(texts: Sequence[str], languages: Sequence[str | None]) -> list[Statistics]:
    """Returns the statistics of texts: of each what ``describe`` gives, in less time than one by one."""
    if not texts:
        return []
    joined = PARAGRAPH_SEPARATOR.join(texts)
    parts = joined.split(PARAGRAPH_SEPARATOR)
    tokens = list(map(str.split, parts))
    n_paragraphs = [text.count(PARAGRAPH_SEPARATOR) + 1 for text in texts]
    lengths = list(map(len, parts))
    characters = _Spans(lengths, n_paragraphs, gap=len(PARAGRAPH_SEPARATOR))
    words = _Spans(list(map(len, tokens)), n_paragraphs, gap=0)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    numbers, kinds = _read_words(tokens, n_paragraphs, languages)
    classes = _class_table(_ALL_CODES if codes.max(initial=0) >= _COMMON_CODES else _COMMON_CODES)[codes]
    in_token = (classes & _TOKEN) != 0
    token_starts = np.diff(in_token, prepend=False) & in_token
    columns = (
        words.lengths.tolist(),
        characters.lengths.tolist(),
        _repetition(codes, characters, CHARACTERS_PER_GRAM, only_top=True),
        _repetition(numbers, words, WORDS_PER_GRAM, only_top=False),
        characters.sums((classes & _SPECIAL) != 0),
        characters.sums((classes & _MARK) != 0),
        characters.sums(token_starts),
        *(words.sums((kinds & kind) != 0) for kind in (_STOP, _FLAGGED, _SPAM, _COMMON)),
    )
    known = [language in STOP_WORDS for language in languages]
    known += [is_known for is_known, n in zip(known, n_paragraphs, strict=True) for _ in range(n)]
    described = list(starmap(_statistics, zip(known, *columns, strict=True)))
    paragraphs = iter(described[len(texts) :])
    return [(whole, tuple(islice(paragraphs, n))) for whole, n in zip(described, n_paragraphs, strict=False)]


def _statistics(
    has_stop_words: bool,
    n_words: int,
    n_characters: int,
    character_repetition: float,
    word_repetition: float,
    *counts: int,
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


class _Spans:
    """Where texts, and then their paragraphs, begin and end in one sequence of all their characters or words.

    Every n-gram of the sequence has an owner: the paragraph that it lies in, or its text where it lies in no single
    paragraph, or none. The owners of a text have consecutive numbers, its paragraphs in order and then itself.
    """

    def __init__(self, lengths: list[int], n_paragraphs: list[int], gap: int) -> None:
        """Takes the lengths of the paragraphs of all texts, ``gap`` apart, and how many of them each text has."""
        self.n_texts = len(n_paragraphs)
        ends = np.cumsum(np.array(lengths, dtype=np.int64) + gap) - gap
        starts = ends - lengths
        last = np.cumsum(n_paragraphs)
        self.starts: Integers = np.concatenate((starts[last - n_paragraphs], starts))
        self.ends: Integers = np.concatenate((ends[last - 1], ends))
        self.lengths: Integers = self.ends - self.starts
        self.text_of_owner: Integers = np.repeat(np.arange(self.n_texts + 1), [*(n + 1 for n in n_paragraphs), 1])
        self._text_owner: Integers = np.append(last + np.arange(self.n_texts), len(self.text_of_owner) - 1)
        self._gap = gap

    @property
    def is_paragraph(self) -> NDArray[np.bool_]:
        """Returns which owners are paragraphs."""
        is_paragraph = np.ones(len(self.text_of_owner), dtype=np.bool_)
        is_paragraph[self._text_owner] = False
        return is_paragraph

    def sums(self, values: NDArray[Any]) -> list[int]:
        """Returns the sum of ``values`` over each text, then over each paragraph."""
        totals = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum(values, out=totals[1:])
        sums: list[int] = (totals[self.ends] - totals[self.starts]).tolist()
        return sums

    def owners(self, places: Integers, n: int) -> Integers:
        """Returns the owner of each n-gram that begins at one of ``places``."""
        paragraphs = np.flatnonzero(self.is_paragraph)
        is_last = np.diff(self.text_of_owner[paragraphs], append=-1) != 0
        after = np.where(is_last, len(self.text_of_owner) - 1, self._text_owner[self.text_of_owner[paragraphs]])
        repeats = np.stack((self.lengths[self.n_texts :], np.full(len(paragraphs), self._gap)), axis=1).ravel()
        of_code = np.repeat(np.stack((paragraphs, after), axis=1).ravel(), repeats)
        first, last = of_code[places], of_code[places + n - 1]
        text = self.text_of_owner[first]
        text = np.where(text == self.text_of_owner[last], text, self.n_texts)
        return np.where(first == last, first, self._text_owner[text])


def _read_words(
    tokens: list[list[str]], n_paragraphs: list[int], languages: Sequence[str | None]
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Returns a number for each word, in a text equal for equal words alone, and the bits of what each is."""
    paragraphs = iter(tokens)
    codes: list[int] = []
    for n, language in zip(n_paragraphs, languages, strict=True):
        code_of = _word_codes(language or "").__getitem__
        codes.extend(map(code_of, chain.from_iterable(islice(paragraphs, n))))
    numbers = np.fromiter(codes, dtype=np.uint64, count=len(codes))
    return numbers, (numbers & _KINDS).astype(np.uint8)


def _repetition(codes: NDArray[Any], spans: _Spans, n: int, *, only_top: bool) -> list[float]:
    """Returns the share of repeated n-grams in each text, then in each paragraph.

    With ``only_top``, of ``d`` distinct n-grams, ``s`` of them seen once, only the ``min(floor(sqrt(d)), d - s)`` most
    frequent are added up; else all that are seen more than once. All share one sort: keys hold the gram in their upper
    bits and its owner in the lower ones.
    """
    bits = np.uint64(len(spans.text_of_owner).bit_length())
    owner_mask = (_ONE << bits) - _ONE
    grams = _grams(codes.astype(np.uint64), n) & ~owner_mask
    places = np.flatnonzero(_may_repeat(grams))
    owners = spans.owners(places, n)
    grams = grams[places]
    # Of what occurs in several texts, only what occurs twice in one is of interest.
    is_left = _may_repeat((grams | spans.text_of_owner[owners].astype(np.uint64)) * _MULTIPLIER)
    keys = grams[is_left] | owners[is_left].astype(np.uint64)
    keys.sort()
    starts = _run_starts(keys)
    keys, counts = keys[starts], np.diff(np.append(starts, len(keys)))
    owner = (keys & owner_mask).astype(np.int64)
    text = spans.text_of_owner[owner]
    n_grams = np.maximum(0, spans.lengths - n + 1)
    firsts = _run_starts((keys & ~owner_mask) | text.astype(np.uint64))
    in_texts = np.add.reduceat(counts, firsts) if len(counts) else counts
    of_texts = _top_shares(in_texts, text[firsts], n_grams[: spans.n_texts], only_top=only_top)
    is_inside = spans.is_paragraph[owner]
    paragraph = (owner - text)[is_inside]
    of_paragraphs = _top_shares(counts[is_inside], paragraph, n_grams[spans.n_texts :], only_top=only_top)
    return [*of_texts.tolist(), *of_paragraphs.tolist()]


def _top_shares(counts: Integers, parts: Integers, n_grams: Integers, *, only_top: bool) -> NDArray[np.float64]:
    """Returns the share of repeated n-grams in each part.

    Args:
        counts: How often each n-gram occurs in its part; those that occur once may be left out.
        parts: The part it lies in; those of no part have the number of parts.
        n_grams: Of each part.
        only_top: Only the most frequent are added up.
    """
    repeated, parts = counts[counts > 1], parts[counts > 1]
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
    bits = max(MIN_BUCKET_BITS, len(grams).bit_length() + 2)
    buckets = (grams >> np.uint64(64 - bits)).astype(np.int64)
    shared: NDArray[np.bool_] = np.bincount(buckets, minlength=1 << bits)[buckets] > 1
    return shared


def _run_starts(ordered: NDArray[np.uint64]) -> Integers:
    """Returns where each run of equal values starts."""
    return np.flatnonzero(np.concatenate((_TRUE[: len(ordered)], ordered[1:] != ordered[:-1])))


def _grams(codes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Returns a number for each n-gram: a polynomial in its codes modulo 2**64, equal for equal n-grams."""
    grams, degree = codes, 1
    # By the binary digits of n: two polynomials of one degree make one of twice the degree.
    for digit in f"{n:b}"[1:]:
        grams = grams[:-degree] * _power(degree) + grams[degree:]
        degree *= 2
        if digit == "1":
            grams = grams[:-1] * _MULTIPLIER + codes[degree:]
            degree += 1
    # Once more, so that the last code reaches the upper bits too.
    return grams * _MULTIPLIER


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(_MULTIPLIER), exponent, 1 << 64))


@lru_cache(maxsize=2)
def _class_table(n_codes: int) -> NDArray[np.uint8]:
    """Returns what each of the first code points is: special, a mark, part of a word."""
    table = np.zeros(n_codes, dtype=np.uint8)
    for code in range(n_codes):
        character = chr(code)
        special = unicodedata.category(character)[0] in "NPSZC"
        in_word = character.isalnum() or character in "_'"
        mark = character in _MARKS and not in_word
        table[code] = _SPECIAL * special + _MARK * mark + _TOKEN * in_word
    return table


class _WordCodes(dict[str, int]):
    """A number for each word: a digest of it over the bits of what it is. Learns as it goes."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._stop_words = STOP_WORDS.get(language, frozenset())

    def __missing__(self, word: str) -> int:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, usedforsecurity=False).digest()
        self[word] = code = int.from_bytes(digest, "little") & ~int(_KINDS) | self._kinds(word)
        return code

    def _kinds(self, word: str) -> int:
        """Returns the bits of what a word is: function word, flagged, spam, built like a word."""
        plain = word.lower().strip(_MARKS).replace("’", "'")
        return (
            _STOP * (plain in self._stop_words)
            + _FLAGGED * (plain in FLAGGED_WORDS)
            + _SPAM * (plain in SPAM_WORDS)
            + _COMMON * _is_common(plain)
        )


@lru_cache(maxsize=128)
def _word_codes(language: str) -> _WordCodes:
    return _WordCodes(language if language in STOP_WORDS else "")


def _is_common(word: str) -> bool:
    if not word or len(word) > 4 * MAX_LETTERS or not _WORD_LIKE.match(word) or _THRICE.search(word):
        return False
    if max(map(len, _PART.split(word))) > MAX_LETTERS:
        return False
    return not word.isascii() or bool(_VOWEL.search(word))
