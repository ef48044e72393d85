"""Training runs on the shards of a run folder: which rows their steps read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from commands.errors import CommandError, Exit

METRICS_NAME, SETTINGS_NAME = "metrics.jsonl", "settings.json"
MAX_SPANS = 12
"""Runs of neighbouring steps that are printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One folder that ``mm1 train`` wrote."""

    path: str
    shards: str
    """As its settings have it."""

    rows_per_step: int
    holdout_rows: int
    steps: int
    """Done, as far as its metrics say."""


def open_training(path: str) -> Training:
    """Reads the settings and metrics of a training run.

    Raises:
        CommandError: The folder is none.
    """
    if not os.path.isfile(os.path.join(path, METRICS_NAME)):
        raise CommandError(f"{path} is no training run: it has no {METRICS_NAME}", Exit.USAGE)
    with open(os.path.join(path, SETTINGS_NAME), encoding="utf-8") as file:
        settings = json.load(file)
    return Training(
        path=path,
        shards=settings["shards"],
        rows_per_step=settings["rows_per_step"],
        holdout_rows=settings["holdout"]["rows"],
        steps=max((report["step"] for report in _reports(path)), default=0),
    )


def _reports(path: str) -> Iterator[dict[str, Any]]:
    with open(os.path.join(path, METRICS_NAME), encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def trainings_of(run: str) -> list[Training]:
    """Returns the training runs on the shards of ``run`` that lie beside it, by name."""
    if "://" in run or not os.path.isdir(run):
        return []
    root = _root(run)
    folders = sorted(entry.path for entry in os.scandir(os.path.dirname(root)) if entry.is_dir())
    found = [open_training(path) for path in folders if _is_training(path)]
    return [training for training in found if _root(training.shards) == root]


def _root(path: str) -> str:
    """Returns the run folder of a run folder or of its ``shards``."""
    root = os.path.realpath(path)
    return os.path.dirname(root) if os.path.basename(root) == "shards" else root


def _is_training(path: str) -> bool:
    return all(os.path.isfile(os.path.join(path, name)) for name in (METRICS_NAME, SETTINGS_NAME))


def chosen_trainings(run: str, models: Sequence[str]) -> list[Training]:
    """Returns the training runs that were named; where none was, those beside ``run``."""
    return [open_training(model) for model in models] if models else trainings_of(run)


def rows_of_step(run: str, training: Training, step: int) -> list[int]:
    """Returns the rows of the shards that a training step was made of.

    Raises:
        CommandError: The training run has no such step, or ``run`` has no shards.
    """
    from pipelines.report.statistics import read_manifest
    from schemas.row_order import RowOrder

    report = next((r for r in _reports(training.path) if r["step"] == step and "rows" in r), None)
    if report is None:
        message = f"{training.path} has no step {step}: it has done the steps 1 to {training.steps}"
        raise CommandError(message, Exit.USAGE)
    manifest = read_manifest(run)
    if manifest is None:
        raise CommandError(f"{run} has no shards", Exit.USAGE)
    n_rows = manifest.n_rows() - training.holdout_rows
    order = RowOrder(manifest.weights, manifest.pool_rows)
    places = (divmod(position, n_rows) for position in range(*report["rows"]))
    return [order.epoch_row(place, n_rows, seed=manifest.seed, epoch=epoch) for epoch, place in places]


def steps_of_rows(run: str, training: Training, rows: Sequence[int]) -> list[int]:
    """Returns the steps, counted from 1 as metrics do, that read one of ``rows``."""
    from pipelines.mix.forget import steps_that_used

    used = steps_that_used(
        run,
        rows,
        rows_per_step=training.rows_per_step,
        steps=training.steps,
        holdout_rows=training.holdout_rows,
    )
    return [step + 1 for step in used]


def spans(numbers: Sequence[int]) -> str:
    """Returns sorted numbers as a person writes them: ``1-3, 7, 9-12``."""
    ends: list[list[int]] = []
    for number in numbers:
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    parts = [f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in ends]
    more = f", and {len(parts) - MAX_SPANS:,} more" if len(parts) > MAX_SPANS else ""
    return ", ".join(parts[:MAX_SPANS]) + more
