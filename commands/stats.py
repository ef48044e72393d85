"""``mm1 stats``: what a run came to, in numbers."""

from __future__ import annotations

from typing import Any

import click

from commands import output
from commands.program import command, json_option


@command(
    examples="""
mm1 stats runs/web
mm1 stats runs/web/shards
mm1 stats runs/web --json | jq .shards.shares
"""
)
@click.argument("path", metavar="RUN|SHARDS")
@json_option
def stats(path: str, as_json: bool) -> None:
    """Shows counts, reasons and shares of a run folder or of a folder of shards."""
    from pipelines.report.statistics import run_statistics

    statistics = run_statistics(path)
    if as_json:
        output.json_result(statistics)
        return
    print_statistics(statistics)
    if statistics["shards"] is None:
        output.note(f"{path}: no shards yet; `mm1 status {path}` says how far the run is")


def print_statistics(statistics: dict[str, Any], *, only_shards: bool = False) -> None:
    """Prints what ``run_statistics`` returned, as tables."""
    jobs = statistics["jobs"]
    if jobs and not only_shards:
        output.table("jobs: in = out + rejected", ("job", "unit", "in", "out", "rejected"), _job_rows(jobs))
        output.table("rejected, by reason", ("job", "unit", "reason", "count", "%"), _reason_rows(jobs))
    if statistics["shards"] is not None:
        _print_shards(statistics["shards"])


def _job_rows(jobs: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (name if unit == job["unit"] else "", unit, counts["in"], counts["out"], sum(counts["rejected"].values()))
        for name, job in jobs.items()
        for unit, counts in sorted(job["units"].items(), key=lambda pair: (pair[0] != job["unit"], pair[0]))
    ]


def _reason_rows(jobs: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (name, unit, reason, count, round(count * 100 / counts["in"], 1))
        for name, job in jobs.items()
        for unit, counts in job["units"].items()
        for reason, count in sorted(counts["rejected"].items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _print_shards(shards: dict[str, Any]) -> None:
    kinds = list(shards["rows"])
    columns = ("kind", "rows", "samples", "text tokens", "images", "image tokens", "share %", "asked %")
    rows = [
        (
            kind,
            *(shards[name].get(kind, 0) for name in ("rows", "samples", "text_tokens", "images", "image_tokens")),
            round(shards["shares"].get(kind, 0.0) * 100, 2),
            round(shards["weights"].get(kind, 0.0) * 100, 2),
        )
        for kind in kinds
    ]
    output.table(f"shards: {shards['count']:,} tars, {shards['bytes'] / 1e6:,.1f} MB", columns, rows)
    left = ", ".join(f"{kind} {count:,}" for kind, count in shards["left_over"].items() if count)
    if left:
        output.result(f"samples that the mixture had no place for: {left}")
