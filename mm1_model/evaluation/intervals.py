"""How far a mean over examples can be trusted: bootstrap intervals (Efron, 1979)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.digests import keyed_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and where it would lie in 95 of 100 draws of as many examples."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap_mean(values: Sequence[float], *, seed: int, draws: int = 1000, level: float = 0.95) -> Interval:
    """Returns the mean and its percentile interval.

    Args:
        values: One score an example.
        seed: Of the draws.
        draws: Samples with replacement, each as large as ``values``.
        level: Share of the draws inside the interval.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("an empty set of scores has no mean")
    scores = np.asarray(values, dtype=np.float64)
    generator = np.random.Generator(np.random.PCG64(int(keyed_digest("bootstrap", str(seed), size=8), 16)))
    # Draw by draw: a table of a million indexes at a time would do no good.
    means = np.array([scores[generator.integers(0, len(scores), len(scores))].mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean=float(scores.mean()), low=float(low), high=float(high), count=len(scores))
