"""``mm1 explain``: one record's life through a run."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option

if TYPE_CHECKING:
    from pipelines.report.life import Event, Life
    from schemas.recipe import Recipe

MAX_ALIKE = 3
"""Lines of one kind about one thing that are printed."""


@command(
    examples="""
mm1 explain runs/web https://a.example/page.html
mm1 explain runs/web https://a.example/cat.jpg
mm1 explain runs/web https://a.example/page.html --texts   # what became of every text of the page
mm1 explain runs/web 0f3c...e1                    # a document, image or sample
mm1 explain runs/web --row 1234
mm1 explain runs/web --step 1234 --model model     # what a training step saw
"""
)
@click.argument("run")
@click.argument("query", required=False, metavar="[URL|KEY|IMAGE_ID]")
@click.option("--texts", is_flag=True, help="Read the page again: what became of each of its texts, and why.")
@click.option("--row", type=click.IntRange(min=0), help="Name the samples of a training row instead.")
@click.option("--step", type=click.IntRange(min=1), help="Name the samples of a training step instead.")
@click.option("--model", metavar="DIR", help="Folder of the training run that --step is of.")
@json_option
def explain(
    *, run: str, query: str | None, texts: bool, row: int | None, step: int | None, model: str | None, as_json: bool
) -> None:
    """Shows what every job of RUN saw of one page, image or sample: score, threshold, verdict, place in the shards."""
    if sum(given is not None for given in (query, row, step)) != 1:
        raise click.UsageError("give one of URL, KEY, IMAGE_ID, --row or --step")
    if step is not None and model is None:
        raise click.UsageError("--step needs --model: the folder of the training run")
    if query is None:
        _explain_rows(run, [row] if row is not None else rows_of_step(run, str(model), step or 1), as_json)
        return
    if texts:
        _explain_texts(run, query, as_json)
        return
    from pipelines.report.life import explain as life_of

    life = life_of(run, query, _recipe(run))
    if life is None:
        message = f"{run} knows nothing of {query!r}: no page, image, sample or record has that name"
        raise CommandError(message, Exit.USAGE)
    if as_json:
        output.json_result(dataclasses.asdict(life))
    else:
        print_life(life)


def _explain_texts(run: str, query: str, as_json: bool) -> None:
    from pipelines.report.page_texts import page_texts

    try:
        found = page_texts(run, query)
    except (FileNotFoundError, ValueError) as error:
        raise CommandError(str(error), Exit.FAILED_CHECK) from error
    if found is None:
        raise CommandError(f"{run} has no page of the name {query!r}", Exit.USAGE)
    if as_json:
        output.json_result({"texts": [dataclasses.asdict(text) for text in found]})
        return
    for text in found:
        output.result(f"{text.fate:<13} {output.escaped(text.text)}")


def _recipe(run: str) -> Recipe:
    from pipelines.report.recipes import recipe_of_run

    return recipe_of_run(run)


def print_life(life: Life) -> None:
    """Prints a record's life, one event a line."""
    output.result(output.escaped(life.what))
    for _, alike in itertools.groupby(life.events, key=lambda e: (e.job, e.outcome, e.item, e.reason)):
        events = list(alike)
        output.result(f"  {events[0].job:<11}{events[0].outcome:<10}{output.escaped(events[0].item)}")
        for event in events[:MAX_ALIKE]:
            output.result(f"  {'':<21}{event_text(event)}")
        if len(events) > MAX_ALIKE:
            output.result(f"  {'':<21}and {len(events) - MAX_ALIKE:,} more like these (--json has them all)")


def event_text(event: Event) -> str:
    """Returns what an event saw and compared: ``low_score: best 0.1312 < 0.2; alt 0.1312``."""
    head = event.reason or ""
    if event.value is not None:
        head = f"{head} {event.value:.4g}{_compared(event.value, event.threshold)}".strip()
    return "; ".join(part for part in (head, output.escaped(event.text)) if part)


def _compared(value: float, threshold: float | None) -> str:
    if threshold is None:
        return ""
    return f" {'<' if value < threshold else '>' if value > threshold else '='} {threshold:g}"


def rows_of_step(run: str, model: str, step: int) -> list[int]:
    """Returns the rows of the shards that a training step was made of.

    Raises:
        CommandError: The training run has no such step, or was made on other shards.
    """
    import json
    import os

    from pipelines.report.statistics import read_manifest
    from schemas.row_order import RowOrder

    metrics = os.path.join(model, "metrics.jsonl")
    if not os.path.isfile(metrics):
        raise CommandError(f"{model} is no training run: it has no metrics.jsonl", Exit.USAGE)
    with open(metrics, encoding="utf-8") as file:
        reports = (json.loads(line) for line in file)
        report = next((r for r in reports if r["step"] == step and "rows" in r), None)
    manifest = read_manifest(run)
    if report is None or manifest is None:
        missing = f"{metrics} has no step {step}" if report is None else f"{run} has no shards"
        raise CommandError(missing, Exit.USAGE)
    with open(os.path.join(model, "settings.json"), encoding="utf-8") as file:
        held_out = json.load(file)["holdout"]["rows"]
    n_rows = manifest.n_rows() - held_out
    order = RowOrder(manifest.weights, manifest.pool_rows)
    places = (divmod(position, n_rows) for position in range(*report["rows"]))
    return [order.epoch_row(place, n_rows, seed=manifest.seed, epoch=epoch) for epoch, place in places]


def _explain_rows(run: str, rows: list[int], as_json: bool) -> None:
    from pipelines.report.subject import lines_of_rows

    lines = lines_of_rows(run, rows)
    if not lines:
        raise CommandError(f"{run} has no samples of row {', '.join(map(str, rows))}", Exit.USAGE)
    if as_json:
        output.json_result({"rows": rows, "samples": [dataclasses.asdict(line) for line in lines]})
        return
    shown = [(line.row, line.key, line.kind.value, line.n_text, line.n_images, line.n_loss) for line in lines]
    output.table(None, ("row", "key", "kind", "text tokens", "images", "in the loss"), shown)
    output.note(f"next: mm1 explain {run} KEY")
