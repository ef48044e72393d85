"""Which language a text is in, by py3langid's model (naive Bayes over byte n-grams, Lui and Baldwin 2012)."""

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_CHARACTERS = 120
"""Taken of the beginning and of the middle of a text: more costs time and changes hardly a verdict."""

MIN_LETTERS = 10
MIN_TOGETHER = 8
"""Texts from which on it is faster to follow the model's automaton through all of them at a time."""

_HALF_SCALE = np.float32(-(2.0**112))
"""By the difference of the biases, 127 and 15; weights are logarithms of probabilities, so all are negative."""

_WITHOUT_SIGN = np.uint16(0x7FFF)
Verdict = tuple[str | None, float | None]
Features = NDArray[np.int32]


def identify_language(text: str) -> Verdict:
    """Returns the ISO 639-1 code of a text's language and its probability; None for text without words."""
    return identify_languages([text])[0]


def identify_languages(texts: Sequence[str]) -> list[Verdict]:
    """Returns the language of each text and its probability: what ``identify_language`` gives, in less time."""
    verdicts: list[Verdict] = [(None, None)] * len(texts)
    samples = {number: _sample(text) for number, text in enumerate(texts)}
    encoded = {n: _encode(sample) for n, sample in samples.items() if sum(map(str.isalpha, sample)) >= MIN_LETTERS}
    model = _model()
    visited = model.visit_together if len(encoded) >= MIN_TOGETHER else model.visit
    for (number, sample), features in zip(encoded.items(), visited(list(encoded.values())), strict=True):
        verdicts[number] = model.decide(features, len(sample))
    return verdicts


class _Model:
    """The library's model: an automaton over bytes, and the weight of each feature that it finds for each language."""

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        self._found: Any = LanguageIdentifier.from_model_file(MODEL_FILE)
        labels: list[str] = self._found.nb_classes
        self._languages = list(dict.fromkeys(labels))
        self._language_of = np.array([self._languages.index(label) for label in labels])
        """Of each class: a language that is written in two scripts has two."""

        self._rows = np.array(self._found.tk_row, dtype=np.int64) << 8
        self._next = np.asarray(self._found.tk_nextmove)
        self._features = np.array(self._found.tk_output, dtype=np.int32)
        self._halves: NDArray[np.uint16] = self._found.nb_ptc.view(np.uint16)

    def visit(self, samples: list[bytes]) -> list[Features]:
        """Returns the features of each sample, -1 where a byte ends none."""
        return [np.fromiter(self._walk(sample), dtype=np.int32, count=len(sample)) for sample in samples]

    def _walk(self, sample: bytes) -> list[int]:
        following, rows, features = self._found.tk_nextmove, self._found.tk_row, self._found.tk_output
        state, found = 0, []
        for byte in sample:
            state = following[(rows[state] << 8) + byte]
            found.append(features[state])
        return found

    def visit_together(self, samples: list[bytes]) -> list[Features]:
        """Returns what ``visit`` does: a step of the automaton is taken in all samples at a time."""
        longest = max(map(len, samples))
        padded = b"".join(sample.ljust(longest, b"\0") for sample in samples)
        columns = np.frombuffer(padded, dtype=np.uint8).reshape(len(samples), longest).T.astype(np.int64)
        states = np.empty_like(columns)
        state = np.zeros(len(samples), dtype=np.int64)
        for place, column in enumerate(columns):
            state = self._next.take(self._rows.take(state) + column)
            states[place] = state
        features = self._features[states.T]
        return [row[: len(sample)] for row, sample in zip(features, samples, strict=True)]

    def decide(self, features: Features, n_bytes: int) -> Verdict:
        """Returns the most probable language; the root of the length keeps probabilities of long texts from 1."""
        kinds, counts = np.unique(features[features >= 0], return_counts=True)
        if not len(kinds):
            return None, None
        scores = (np.log1p(counts.astype(np.float32)) * _HALF_SCALE) @ self._weights(kinds) + self._found.nb_pc
        scores = np.exp((scores - scores.max()) / np.float32(math.sqrt(n_bytes)))
        probabilities = np.bincount(self._language_of, weights=scores / scores.sum())
        best = int(probabilities.argmax())
        return self._languages[best], float(probabilities[best])

    def _weights(self, kinds: Features) -> NDArray[np.float32]:
        """Returns the weights of features over ``_HALF_SCALE``: a float has the bits of a half, but for sign and bias.

        That is as exact as numpy's conversion from half precision, which takes five times as long.
        """
        halves = self._halves.take(kinds, axis=0) & _WITHOUT_SIGN
        return (halves.astype(np.uint32) << 13).view(np.float32)


@lru_cache(maxsize=1)
def _model() -> _Model:
    return _Model()


def _sample(text: str) -> str:
    if len(text) <= 2 * SAMPLE_CHARACTERS:
        return text
    middle = len(text) // 2
    return f"{text[:SAMPLE_CHARACTERS]} {text[middle : middle + SAMPLE_CHARACTERS]}"


def _encode(sample: str) -> bytes:
    """Returns what the model was trained on: bytes of UTF-8 in normal form C, no text in capitals."""
    plain = sample.lower() if sample.isupper() else sample
    return unicodedata.normalize("NFC", plain).encode("utf-8", "surrogatepass")
