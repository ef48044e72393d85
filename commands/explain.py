"""``mm1 explain``: one record's life through a run."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option
from commands.trainings import chosen_trainings, rows_of_step

if TYPE_CHECKING:
    from pipelines.report.life import Event, Life
    from pipelines.report.row_samples import RowSample
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
mm1 explain runs/web --step 1234                   # what a training step saw: its samples, scores and pages
mm1 explain runs/web --step 1234 --model model     # where several were trained on it, or elsewhere
"""
)
@click.argument("run")
@click.argument("query", required=False, metavar="[URL|KEY|IMAGE_ID]")
@click.option("--texts", is_flag=True, help="Read the page again: what became of each of its texts, and why.")
@click.option("--row", type=click.IntRange(min=0), help="Name the samples of a training row instead.")
@click.option("--step", type=click.IntRange(min=1), help="Name the samples of a training step instead.")
@click.option("--model", metavar="DIR", help="Training run that --step is of; default: the one beside RUN.")
@json_option
def explain(
    *, run: str, query: str | None, texts: bool, row: int | None, step: int | None, model: str | None, as_json: bool
) -> None:
    """Shows what every job of RUN saw of one page, image or sample: score, threshold, verdict, place in the shards."""
    if sum(given is not None for given in (query, row, step)) != 1:
        raise click.UsageError("give one of URL, KEY, IMAGE_ID, --row or --step")
    if query is None:
        _explain_rows(run, [row] if row is not None else _rows_of_step(run, step or 1, model), as_json)
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


def _rows_of_step(run: str, step: int, model: str | None) -> list[int]:
    trainings = chosen_trainings(run, [model] if model is not None else [])
    if len(trainings) != 1:
        found = ", ".join(training.path for training in trainings)
        why = f"several lie beside {run}: {found}" if found else f"none on these shards lies beside {run}"
        raise click.UsageError(f"--step needs --model, the folder of the training run; {why}")
    if model is None:
        output.note(f"step {step} of {trainings[0].path}")
    return rows_of_step(run, trainings[0], step)


def _explain_rows(run: str, rows: list[int], as_json: bool) -> None:
    from pipelines.report.row_samples import samples_of_rows

    samples = samples_of_rows(run, rows)
    if not samples:
        raise CommandError(f"{run} has no samples of row {', '.join(map(str, rows))}", Exit.USAGE)
    threshold = _score_threshold(run)
    if as_json:
        listed = [dataclasses.asdict(sample) for sample in samples]
        output.json_result({"rows": rows, "score_threshold": threshold, "samples": listed})
        return
    columns = ("row", "key", "kind", "text tokens", "images", "scores", "page")
    output.table(None, columns, [_cells(sample) for sample in samples])
    compared = f"images were kept with a score of {threshold:g} or more; " if threshold is not None else ""
    output.note(f"{compared}every score, threshold and verdict of one: mm1 explain {run} KEY")


def _cells(sample: RowSample) -> tuple[object, ...]:
    scores = " ".join("-" if score is None else f"{score:.2f}" for score in sample.scores)
    page = "forgotten" if sample.forgotten else sample.url or sample.source_id
    return sample.row, sample.key, sample.kind, sample.n_text, sample.n_images, scores, page


def _score_threshold(run: str) -> float | None:
    from pipelines.runs import storage

    # A folder of shards by itself does not say what scores were compared with.
    return _recipe(run).score.min if storage.exists(storage.join(run, "run.json")) else None
