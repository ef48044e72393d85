"""Two runs side by side: settings, funnels, totals and mixtures, from their summaries and manifests alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pipelines.report.compare import compare_settings
from pipelines.report.statistics import run_statistics
from schemas.errors import SchemaError
from schemas.recipe import JOB_NAMES

Statistics = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A number of the other run and of this one; None where a run does not have it."""

    other: float | None
    this: float | None

    @property
    def change(self) -> float | None:
        """From the other run to this one; None unless both have the number."""
        return None if self.other is None or self.this is None else self.this - self.other


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """What came out of a job, or was left out of it for one reason."""

    job: str
    unit: str
    reason: str | None
    """None for what came out."""

    n_in: Pair
    counts: Pair

    @property
    def shares(self) -> Pair:
        """Of what went in; None where nothing did."""
        return Pair(other=_share(self.counts.other, self.n_in.other), this=_share(self.counts.this, self.n_in.this))


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalRow:
    """A sum that a job or the shards publish."""

    job: str
    name: str
    counts: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureRow:
    """One kind of sample among the rows of the shards."""

    kind: str
    rows: Pair
    shares: Pair
    weights: Pair
    """The shares that the recipes ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How this run differs from another. Shares stand by how much they changed, the largest change first."""

    other: str
    settings: Mapping[str, tuple[Any, Any]]
    """Settings and versions that differ, as ``(other, this)``."""

    lacking: tuple[str, ...]
    """A sentence for each run that lacks jobs of the other."""

    is_same: bool
    """Settings, versions and every number are equal."""

    kept: tuple[FunnelRow, ...]
    reasons: tuple[FunnelRow, ...]
    totals: tuple[TotalRow, ...]
    """Those that differ, in the order of the jobs."""

    mixture: tuple[MixtureRow, ...]


def compare_runs(other: str, this: str) -> Comparison:
    """Returns how a run differs from another.

    Raises:
        SchemaError: One of the two is no run folder, or its numbers do not add up.
    """
    try:
        before = run_statistics(other)
        settings = compare_settings(other, this)
    except SchemaError as error:
        raise SchemaError(f"cannot compare with {other}: {error}") from error
    after = run_statistics(this)
    funnel = list(_funnel(before["jobs"], after["jobs"]))
    return Comparison(
        other=other,
        settings=settings,
        lacking=tuple(_lacking(before["jobs"], after["jobs"])),
        is_same=not settings and before == after,
        kept=_by_change(row for row in funnel if row.reason is None),
        reasons=_by_change(row for row in funnel if row.reason is not None),
        totals=tuple(row for row in _totals(before, after) if row.counts.other != row.counts.this),
        mixture=_by_change(_mixture(before["shards"], after["shards"])),
    )


def _lacking(before: Statistics, after: Statistics) -> Iterator[str]:
    for title, mine, others in (("The other run", before, after), ("This run", after, before)):
        if jobs := [name for name in others if name not in mine]:
            yield f"{title} has not committed {', '.join(jobs)}."


def _funnel(before: Statistics, after: Statistics) -> Iterator[FunnelRow]:
    for job in JOB_NAMES:
        pair = [jobs.get(job, {}).get("units", {}) for jobs in (before, after)]
        for unit in _names(*pair):
            counts = [units.get(unit) for units in pair]
            n_in = _pair(counts, "in")
            yield FunnelRow(job=job, unit=unit, reason=None, n_in=n_in, counts=_pair(counts, "out"))
            rejected = [None if found is None else found["rejected"] for found in counts]
            for reason in _names(*(reasons or {} for reasons in rejected)):
                yield FunnelRow(job=job, unit=unit, reason=reason, n_in=n_in, counts=_pair(rejected, reason))


def _totals(before: Statistics, after: Statistics) -> Iterator[TotalRow]:
    for job in JOB_NAMES:
        pair = [(statistics["jobs"].get(job) or {}).get("totals") for statistics in (before, after)]
        for name in _names(*(totals or {} for totals in pair)):
            yield TotalRow(job=job, name=name, counts=_pair(pair, name))
    shards = [None if statistics["shards"] is None else _flat(statistics["shards"]) for statistics in (before, after)]
    for name in _names(*(numbers or {} for numbers in shards)):
        yield TotalRow(job="shards", name=name, counts=_pair(shards, name))


def _flat(shards: Statistics) -> dict[str, float]:
    """Returns the counts of the shards, by kind where they have kinds; shares are not counts."""
    found: dict[str, float] = {}
    for name, value in shards.items():
        title = name.replace("_", " ")
        if not isinstance(value, Mapping):
            found[title] = value
        elif name not in ("shares", "weights"):
            found |= {f"{title} of {kind}": n for kind, n in value.items()}
    return found


def _mixture(before: Statistics | None, after: Statistics | None) -> Iterator[MixtureRow]:
    names = ("rows", "shares", "weights")
    columns = {name: [None if shards is None else shards[name] for shards in (before, after)] for name in names}
    for kind in _names(*(kinds or {} for name in names for kinds in columns[name])):
        yield MixtureRow(kind=kind, **{name: _pair(columns[name], kind) for name in names})


def _pair(numbers: Sequence[Mapping[str, float] | None], name: str) -> Pair:
    """Returns a number of both; one that is not counted there is 0, one of a job that is not there is None."""
    other, this = (None if found is None else found.get(name, 0) for found in numbers)
    return Pair(other=other, this=this)


def _names(*found: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for names in found for name in names))


def _share(count: float | None, total: float | None) -> float | None:
    return None if count is None or not total else count / total


Row = TypeVar("Row", FunnelRow, MixtureRow)


def _by_change(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Returns rows by the size of their change; those that only one run has come last, as nothing is known of it."""

    def size(row: Row) -> float:
        return 1.0 if (change := row.shares.change) is None else -abs(change)

    return tuple(sorted(rows, key=size))
