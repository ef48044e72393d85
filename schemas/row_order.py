"""Which kind each training row is, as arithmetic: nothing is stored, and any row is found without the ones before.

After ``n`` rows there are ``T(n) = floor(n w_text + 1/2)`` rows of text; of the ``m = n - T(n)`` others ``floor(m p +
1/2)`` are interleaved, with ``p = w_interleaved / (w_interleaved + w_caption)``, and the rest are captions. Text is off
its weight by at most 1/2; interleaved rows by at most 1/2 + p/2 < 1, and captions likewise: at every prefix each
kind is within one row of its weight.

Order in later epochs: the rows of each kind are permuted among their own places, so the proportion holds there too.
"""

import functools
from collections.abc import Mapping
from fractions import Fraction

from schemas.digests import keyed_digest
from schemas.samples import SampleKind

_FEISTEL_ROUNDS = 4
"""Luby and Rackoff (1988): four rounds give a strong pseudorandom permutation."""


class RowOrder:
    """The kinds of all rows under fixed weights."""

    def __init__(self, weights: Mapping[str, float], pool_rows: Mapping[str, int] | None = None) -> None:
        """Takes the weights by kind; they are scaled to a sum of 1.

        Args:
            weights: By the value of ``SampleKind``; a kind that is missing has none.
            pool_rows: Rows that each pool packs into. The weight of a kind without any is shared among the others in
                proportion: a mixture cannot hold what is not there.

        Raises:
            ValueError: No weight is left.
        """
        # Through text: 0.45 means 9/20, not the binary fraction next to it.
        exact = {kind: Fraction(str(weights.get(kind.value, 0))) for kind in SampleKind}
        if pool_rows is not None:
            exact = {kind: w if pool_rows.get(kind.value, 0) else Fraction(0) for kind, w in exact.items()}
        total = sum(exact.values())
        if total <= 0:
            raise ValueError(f"no kind of sample has both rows and weight: weights {dict(weights)}, rows {pool_rows}")
        self.weights = {kind: w / total for kind, w in exact.items()}
        paired = self.weights[SampleKind.INTERLEAVED] + self.weights[SampleKind.CAPTION]
        text = self.weights[SampleKind.TEXT]
        part = self.weights[SampleKind.INTERLEAVED] / paired if paired else Fraction(0)
        self._text, self._text_of = text.numerator, text.denominator
        self._part, self._part_of = part.numerator, part.denominator

    def counts(self, n: int) -> dict[SampleKind, int]:
        """Returns how many of the first ``n`` rows are of each kind."""
        texts = (2 * n * self._text + self._text_of) // (2 * self._text_of)
        paired = n - texts
        interleaved = (2 * paired * self._part + self._part_of) // (2 * self._part_of)
        return {
            SampleKind.INTERLEAVED: interleaved,
            SampleKind.CAPTION: paired - interleaved,
            SampleKind.TEXT: texts,
        }

    def place(self, row: int) -> tuple[SampleKind, int]:
        """Returns the kind of a row, and how many rows of that kind come before it."""
        before, after = self.counts(row), self.counts(row + 1)
        kind = next(k for k in SampleKind if after[k] > before[k])
        return kind, before[kind]

    def row(self, kind: SampleKind, index: int) -> int:
        """Returns the row at which the ``index``-th (from 0) row of a kind stands.

        Raises:
            ValueError: The kind has no weight.
        """
        if not self.weights[kind]:
            raise ValueError(f"{kind.value} has no weight in the mixture")
        # With a = index + 1/2: the smallest n whose count of the kind is index + 1, solved for n.
        doubled = 2 * index + 1
        if kind is SampleKind.TEXT:
            return _ceil_div(doubled * self._text_of, 2 * self._text) - 1
        if kind is SampleKind.INTERLEAVED:
            paired = _ceil_div(doubled * self._part_of, 2 * self._part)
        else:
            paired = doubled * self._part_of // (2 * (self._part_of - self._part)) + 1
        return (2 * paired - 1) * self._text_of // (2 * (self._text_of - self._text))

    def num_rows(self, pool_rows: Mapping[str, int], *, max_repeats: int = 1) -> int:
        """Returns how long the mixture gets.

        With ``max_repeats`` 1 it ends where the first pool is used up. Else the pool that lasts longest is used once,
        shorter ones are repeated, and it ends where one would be needed more than ``max_repeats`` times.
        """
        kinds = [kind for kind in SampleKind if self.weights[kind]]
        once = [self.row(kind, pool_rows.get(kind.value, 0)) for kind in kinds]
        if max_repeats == 1:
            return min(once)
        return min(max(once), *(self.row(kind, pool_rows.get(kind.value, 0) * max_repeats) for kind in kinds))

    def epoch_row(self, position: int, n_rows: int, *, seed: int, epoch: int) -> int:
        """Returns the row that stands at ``position`` of an epoch over the first ``n_rows`` rows.

        Epoch 0 is the stored order. Later ones permute the rows of each kind among their places.
        """
        if epoch == 0:
            return position
        kind, index = self.place(position)
        size = self.counts(n_rows)[kind]
        return self.row(kind, permute(index, size, key=f"{seed}:{epoch}:{kind.value}"))

    def epoch_position(self, row: int, n_rows: int, *, seed: int, epoch: int) -> int:
        """Returns the position of an epoch at which ``row`` stands: the inverse of ``epoch_row``."""
        if epoch == 0:
            return row
        kind, index = self.place(row)
        size = self.counts(n_rows)[kind]
        return self.row(kind, unpermute(index, size, key=f"{seed}:{epoch}:{kind.value}"))


def permute(index: int, size: int, *, key: str) -> int:
    """Returns where ``index`` goes under a pseudorandom permutation of ``range(size)`` chosen by ``key``.

    A Feistel network on the next even number of bits, walked until it falls into the range (Black and Rogaway, 2002):
    no table, and fewer than four steps on average.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in range({size})")
    half, keys = _network(size, key)
    mask, value = (1 << half) - 1, index
    while True:
        left, right = value >> half, value & mask
        for round_key in keys:
            left, right = right, left ^ (_mix(right ^ round_key) & mask)
        value = (left << half) | right
        if value < size:
            return value


def unpermute(index: int, size: int, *, key: str) -> int:
    """Returns what ``permute`` takes to ``index``: the rounds backwards."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in range({size})")
    half, keys = _network(size, key)
    mask, value = (1 << half) - 1, index
    while True:
        left, right = value >> half, value & mask
        for round_key in reversed(keys):
            left, right = right ^ (_mix(left ^ round_key) & mask), left
        value = (left << half) | right
        if value < size:
            return value


@functools.lru_cache(maxsize=256)
def _network(size: int, key: str) -> tuple[int, tuple[int, ...]]:
    """Returns half the bits of the network's block, and its round keys."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    rounds = range(_FEISTEL_ROUNDS)
    return half, tuple(int(keyed_digest("row permutation", key, str(r), size=8), 16) for r in rounds)


def _mix(value: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFF_FFFF_FFFF_FFFF
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & 0xFFFF_FFFF_FFFF_FFFF
    return value ^ (value >> 31)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
