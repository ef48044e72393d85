"""What a person should look at first, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.recipe import Recipe

LARGE_SHARE = 0.2
"""A reason that takes more of a job's input than this is named."""

SHARE_OFF = 0.01
"""Shares of the mixture that are further from their weight are named."""


def alerts(statistics: Mapping[str, Any], recipe: Recipe, broken: list[str]) -> list[str]:
    """Returns one sentence for each thing that stands out, the gravest first."""
    return [*broken, *_reasons(statistics["jobs"]), *_mixture(statistics["shards"]), *_toys(recipe)]


def _reasons(jobs: Mapping[str, Any]) -> Iterator[str]:
    for job, numbers in jobs.items():
        for unit, counts in numbers["units"].items():
            for reason, count in sorted(counts["rejected"].items(), key=lambda pair: -pair[1]):
                if counts["in"] and count / counts["in"] > LARGE_SHARE:
                    share = f"{count * 100 / counts['in']:.0f} %"
                    yield f"{job}: {share} of {counts['in']:,} {unit}s were left out for {reason}."


def _mixture(shards: Mapping[str, Any] | None) -> Iterator[str]:
    if shards is None:
        yield "There are no shards yet."
        return
    for kind, weight in shards["weights"].items():
        share = shards["shares"].get(kind, 0.0)
        if abs(share - weight) > SHARE_OFF:
            yield f"{kind} has {share * 100:.1f} % of the rows, the recipe asks for {weight * 100:.1f} %."
    for kind, count in shards["repeated"].items():
        if count:
            yield f"{count:,} {kind} samples stand in the shards more than once: the pool is too small for its weight."
    for kind, count in shards["left_over"].items():
        if count:
            yield f"{count:,} {kind} samples had no place in the mixture."


def _toys(recipe: Recipe) -> Iterator[str]:
    for what, model in (("Scores", recipe.score.model), ("Captions", recipe.recaption.model)):
        name = (model or "").rstrip("/").rsplit("/", 1)[-1]
        if name.startswith("mm1-demo-"):
            yield f"{what} come from {name}, a toy that knows generated pictures alone."
