"""``mm1 explain``: one record's life through a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option

if TYPE_CHECKING:
    from pipelines.report.life import Event, Life
    from schemas.recipe import Recipe


@command(
    examples="""
mm1 explain runs/web https://a.example/page.html
mm1 explain runs/web https://a.example/cat.jpg
mm1 explain runs/web 0f3c...e1                    # a document, image or sample
mm1 explain runs/web --row 1234
"""
)
@click.argument("run")
@click.argument("query", required=False, metavar="[URL|KEY|IMAGE_ID]")
@click.option("--row", type=click.IntRange(min=0), help="Name the samples of a training row instead.")
@json_option
def explain(run: str, query: str | None, row: int | None, as_json: bool) -> None:
    """Shows what every job of RUN saw of one page, image or sample: score, threshold, verdict, place in the shards."""
    if (query is None) == (row is None):
        raise click.UsageError("give one of URL, KEY, IMAGE_ID or --row")
    if query is None:
        _explain_rows(run, [row or 0], as_json)
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


def _recipe(run: str) -> Recipe:
    from pipelines.report.recipes import recipe_of_run

    return recipe_of_run(run)


def print_life(life: Life) -> None:
    """Prints a record's life, one event a line."""
    output.result(output.escaped(life.what))
    for event in life.events:
        output.result(f"  {event.job:<11}{event.outcome:<10}{output.escaped(event.item)}")
        output.result(f"  {'':<21}{event_text(event)}")


def event_text(event: Event) -> str:
    """Returns what an event saw and compared: ``low_score: best 0.1312 < 0.2; alt 0.1312``."""
    head = event.reason or ""
    if event.value is not None:
        sign = (
            "" if event.threshold is None else f" {'<' if event.value < event.threshold else '>='} {event.threshold:g}"
        )
        head = f"{head} {event.value:.4g}{sign}".strip()
    return "; ".join(part for part in (head, output.escaped(event.text)) if part)


def _explain_rows(run: str, rows: list[int], as_json: bool) -> None:
    from pipelines.report.life import samples_of_rows

    lines = samples_of_rows(run, rows)
    if not lines:
        raise CommandError(f"{run} has no samples of row {', '.join(map(str, rows))}", Exit.USAGE)
    if as_json:
        output.json_result({"rows": rows, "samples": [dataclasses.asdict(line) for line in lines]})
        return
    shown = [(line.row, line.key, line.kind.value, line.n_text, line.n_images, line.n_loss) for line in lines]
    output.table(None, ("row", "key", "kind", "text tokens", "images", "in the loss"), shown)
    output.note(f"next: mm1 explain {run} KEY")
