"""``mm1 status``: how far a run is, read from its folder. Imports neither Beam nor torch."""

from __future__ import annotations

import time
from typing import Any

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option
from commands.progress import progress_line, top_reasons

WATCH_S = 2.0


@command(
    examples="""
mm1 status runs/web
mm1 status runs/web --watch
mm1 status gs://lab/runs/web --json
"""
)
@click.argument("run")
@click.option("--watch", is_flag=True, help="Go on until every job is committed.")
@json_option
def status(run: str, watch: bool, as_json: bool) -> int:
    """Shows how far a run is, from RUN alone: on any engine, from any terminal, after a crash too."""
    from pipelines.report.state import run_state

    while True:
        state = run_state(run)
        if state is None:
            raise CommandError(f"{run} is not a run folder: it has no run.json", Exit.USAGE)
        if as_json:
            output.json_result({"run": run, "jobs": [_as_json(job) for job in state]})
        else:
            output.table(None, ("job", "state", "progress"), [_row(job) for job in state])
        if not watch or all(job.summary is not None for job in state):
            return Exit.DONE
        time.sleep(WATCH_S)


def _row(job: Any) -> tuple[str, str, str]:
    if job.summary is not None:
        counts = job.summary.main()
        reasons = ", ".join(f"{name} {count:,}" for name, count in top_reasons(counts.rejected))
        return job.name, "done", f"{counts.n_in:,} in  {counts.n_out:,} out  {reasons}"
    if job.progress is None:
        return job.name, "-", ""
    return job.name, "begun", progress_line(job.progress, job.elapsed_s).removeprefix(f"{job.name:<10}  ")


def _as_json(job: Any) -> dict[str, Any]:
    from pipelines.report.statistics import job_statistics, unit_statistics

    if job.summary is not None:
        return {"job": job.name, "state": "done", **job_statistics(job.summary)}
    if job.progress is None:
        return {"job": job.name, "state": "not begun"}
    units = {unit: unit_statistics(counts) for unit, counts in sorted(job.progress.counts.items())}
    items = {"done": job.progress.done, "known": job.progress.total}
    return {"job": job.name, "state": "begun", "items": items, "units": units}
