"""``mm1 verify``, ``diff`` and ``forget``: do files hold what was promised, how do they differ, what must go."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option
from commands.trainings import chosen_trainings, spans, steps_of_rows

if TYPE_CHECKING:
    from pipelines.mix.forget import ForgetReport
    from pipelines.verify.diff import ShardDiff

MAX_SHOWN = 20

Pairs = Mapping[str, tuple[Any, Any]]


@command(
    examples="""
mm1 verify runs/web
mm1 verify runs/web/shards --fast
mm1 verify mix-00000.tar
"""
)
@click.argument("path")
@click.option("--fast", is_flag=True, help="Manifest, sizes and indexes alone; read no tar.")
@click.option("--all", "show_all", is_flag=True, help=f"Show every finding, not only the first {MAX_SHOWN}.")
@json_option
def verify(path: str, fast: bool, show_all: bool, as_json: bool) -> int:
    """Checks shards against their manifest: sizes, digests, keys, order, shares, texts and images of every sample.

    Exit code 1 if anything does not hold.
    """
    from pipelines.verify.verify import find_problems

    findings = find_problems(path, fast=fast)
    shown = list(findings if show_all else itertools.islice(findings, MAX_SHOWN))
    more = len(shown) == MAX_SHOWN and not show_all and next(iter(findings), None) is not None
    if as_json:
        output.json_result({"path": path, "ok": not shown, "findings": [dataclasses.asdict(f) for f in shown]})
    else:
        for finding in shown:
            output.result(output.escaped(str(finding)))
        if more:
            output.result("... and more; --all shows every one")
        if not shown:
            output.result(f"{path}: holds{' (manifest, sizes and indexes; no tar was read)' if fast else ''}")
    return Exit.FAILED_CHECK if shown else Exit.DONE


@command(
    examples="""
mm1 diff runs/a runs/b
mm1 diff runs/a/shards runs/b/shards --json
"""
)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@json_option
def diff(*, a: str, b: str, as_json: bool) -> int:
    """Says how two runs or folders of shards differ: settings, counts, samples. Exit code 1 if they do."""
    from pipelines.report.compare import compare_counts, compare_settings
    from pipelines.verify.diff import diff as compare_shards

    are_runs = all(_is_run(path) for path in (a, b))
    settings = compare_settings(a, b) if are_runs else {}
    counts = compare_counts(a, b) if are_runs else {}
    try:
        shards = compare_shards(a, b)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    is_same = not settings and not counts and shards.is_empty()
    if as_json:
        output.json_result(
            {"same": is_same, "settings": settings, "counts": counts, "shards": dataclasses.asdict(shards)}
        )
    elif is_same:
        output.result(f"no difference: {shards.same:,} samples stand in the same rows with the same bytes")
    else:
        _print_differences(settings, counts, shards)
    return Exit.DONE if is_same else Exit.FAILED_CHECK


def _is_run(path: str) -> bool:
    from pipelines.runs import storage

    return storage.exists(storage.join(path, "run.json"))


def _print_differences(settings: Pairs, counts: Pairs, shards: ShardDiff) -> None:
    in_shards = {f"shards {name} {kind}": pair for name, kinds in shards.counts.items() for kind, pair in kinds.items()}
    for title, pairs in (("settings", {**settings, **shards.settings}), ("counts", {**counts, **in_shards})):
        if pairs:
            output.table(title, ("what", "A", "B"), [(name, *map(output.cell, pair)) for name, pair in pairs.items()])
    kinds = sorted({*shards.only_a, *shards.only_b, *shards.changed, *shards.moved})
    if kinds:
        groups = (shards.only_a, shards.only_b, shards.changed, shards.moved)
        rows = [(kind, *(group.get(kind, 0) for group in groups)) for kind in kinds]
        output.table("samples", ("kind", "only in A", "only in B", "other bytes", "other row"), rows)
    output.result(f"{shards.same:,} samples and {shards.shards:,} shards are the same")
    if shards.first_row is not None:
        output.result(f"the first row that differs is {shards.first_row:,}: training is the same until there")


@command(
    examples="""
mm1 forget runs/web --domain shop.example --dry-run
mm1 forget runs/web --url-file gone.txt
mm1 forget runs/web --image-id 5a65d6df...
"""
)
@click.argument("path")
@click.option("--domain", "domains", multiple=True, help="Pages and images of a domain. Repeatable.")
@click.option("--url", "urls", multiple=True, help="A page or image. Repeatable.")
@click.option("--url-file", type=click.Path(exists=True, dir_okay=False), help="A file with one URL a line.")
@click.option("--image-id", "image_ids", multiple=True, help="sha256 of an image. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="DIR",
    help="A training run: say which of its steps used what goes. Repeatable; default: those beside PATH.",
)
@json_option
def forget(
    *,
    path: str,
    domains: tuple[str, ...],
    urls: tuple[str, ...],
    url_file: str | None,
    image_ids: tuple[str, ...],
    dry_run: bool,
    models: tuple[str, ...],
    as_json: bool,
) -> None:
    """Takes samples out of shards, and says which training steps had used them.

    Only shards that hold them are rewritten, and no other row moves.
    """
    from pipelines.mix.forget import ForgetError, ForgetRequest
    from pipelines.mix.forget import forget as forget_samples

    listed = _lines(url_file) if url_file is not None else ()
    trainings = chosen_trainings(path, models)
    try:
        request = ForgetRequest(domains=domains, urls=(*urls, *listed), image_ids=image_ids)
        report = forget_samples(path, request, dry_run=dry_run)
        used = {training.path: steps_of_rows(path, training, report.rows()) for training in trainings}
    except ForgetError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    if as_json:
        by_model = [{"model": t.path, "steps_done": t.steps, "steps": used[t.path]} for t in trainings]
        content = {**dataclasses.asdict(report), "rows": report.rows(), "dry_run": dry_run, "used_by": by_model}
        output.json_result(content)
        return
    _print_forgotten(report, path, dry_run)
    for training in trainings if report.samples else ():
        steps = used[training.path]
        output.result(
            f"{training.path}: {len(steps):,} of {training.steps:,} training steps used them"
            f"{f': {spans(steps)}' if steps else ''}"
        )


def _print_forgotten(report: ForgetReport, path: str, dry_run: bool) -> None:
    if not report.samples:
        output.result(
            f"nothing in {path} fits: no sample has such a page, image or domain, or all are forgotten already"
        )
        return
    shown = [(sample.key, sample.kind.value, sample.row, sample.reason) for sample in report.samples[:MAX_SHOWN]]
    output.table(None, ("sample", "kind", "row", "fits"), shown)
    if len(report.samples) > MAX_SHOWN:
        where = "--json has all" if dry_run else "tombstones.jsonl has all"
        output.result(f"... and {len(report.samples) - MAX_SHOWN:,} more; {where}")
    would = "would go from" if dry_run else "went from"
    output.result(f"{len(report.samples):,} samples {would} {len(report.shards):,} shards")


def _lines(path: str) -> tuple[str, ...]:
    with open(path, encoding="utf-8") as file:
        return tuple(line.strip() for line in file if line.strip() and not line.startswith("#"))
