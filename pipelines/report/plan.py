"""What a run would do, without doing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipelines.jobs import JOB_NAMES, load_job
from pipelines.recipe import LoadedRecipe
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import committed_summary
from schemas.recipe import Recipe
from settings.problems import Path, dotted


def job_states(recipe: Recipe, first: str, last: str) -> dict[str, str]:
    """Returns what each job from ``first`` to ``last`` would do: ``"done"``, or why it would run."""
    folder = RunFolder(recipe.run)
    states: dict[str, str] = {}
    stale: set[str] = set()
    for name in JOB_NAMES[JOB_NAMES.index(first) : JOB_NAMES.index(last) + 1]:
        job = load_job(name)
        waits = [need for need in job.needs if need in stale]
        if folder.summary(name) is None:
            states[name] = "would run: not committed"
        elif waits:
            states[name] = f"would run: {', '.join(waits)} would run before"
        elif committed_summary(job, recipe, folder) is None:
            states[name] = "would run: code, settings or inputs changed"
        else:
            states[name] = "done"
        if states[name] != "done":
            stale.add(name)
    return states


def setting_origins(loaded: LoadedRecipe) -> list[tuple[str, Any, str]]:
    """Returns ``(setting, value, where it was given)`` of every setting, in order."""
    return [(dotted(path), value, _origin(loaded, path)) for path, value in _leaves(loaded.recipe, ())]


def plain_settings(recipe: Recipe) -> list[tuple[str, Any]]:
    """Returns ``(setting, value)`` of every setting, in order."""
    return [(dotted(path), value) for path, value in _leaves(recipe, ())]


def _origin(loaded: LoadedRecipe, path: Path) -> str:
    if not any(known[: len(path)] == path for known in loaded.source.places):
        return "default"
    return str(dataclasses.replace(loaded.place(*path), column=None))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _leaves(getattr(value, field.name), (*path, field.name))
    else:
        yield path, list(value) if isinstance(value, tuple) else value
