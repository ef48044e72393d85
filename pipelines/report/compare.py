"""How two runs differ: in settings, versions, and the counts of every job."""

from __future__ import annotations

from typing import Any

from pipelines.report.plan import plain_settings
from pipelines.report.recipes import recipe_of_run, versions_of_run
from pipelines.report.statistics import run_statistics

_OF_THE_FOLDER = "run"
"""Two folders always differ in their own path."""


def compare_settings(a: str, b: str) -> dict[str, tuple[Any, Any]]:
    """Returns settings and versions that differ, by name, as ``(A, B)``.

    Raises:
        SchemaError: One of the two is no run folder.
    """
    before, after = (_settings(run) for run in (a, b))
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: (before.get(name), after.get(name)) for name in names if name != _OF_THE_FOLDER}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _settings(run: str) -> dict[str, Any]:
    versions = {f"version of {name}": version for name, version in versions_of_run(run).items()}
    return dict(plain_settings(recipe_of_run(run))) | versions


def compare_counts(a: str, b: str) -> dict[str, tuple[int, int]]:
    """Returns counts of jobs that differ, by name (``"fetch url rejected timeout"``), as ``(A, B)``."""
    before, after = (_counts(run) for run in (a, b))
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: (before.get(name, 0), after.get(name, 0)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _counts(run: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for job, numbers in run_statistics(run)["jobs"].items():
        for unit, counts in numbers["units"].items():
            found[f"{job} {unit} in"] = counts["in"]
            found[f"{job} {unit} out"] = counts["out"]
            found |= {f"{job} {unit} rejected {reason}": n for reason, n in counts["rejected"].items()}
    return found
