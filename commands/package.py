"""``mm1 package``: the jobs of a recipe as files for clusters where one submits a file."""

from __future__ import annotations

import click

from commands import output
from commands.engines import engine_settings
from commands.errors import CommandError, Exit
from commands.program import command
from commands.run import load
from commands.settings_files import set_option


@command(
    examples="""
mm1 package gs://lab/web.yaml --out gs://lab/runs/web -o package
mm1 package web.yaml --workers 64 -o package -- --environment_config='{"command": "/opt/mm1/bin/mm1-worker"}'
package/submit.sh --master yarn --deploy-mode cluster --num-executors 64
"""
)
@click.argument("recipe", type=click.Path())
@click.argument("beam_flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM FLAGS]")
@click.option("--out", metavar="RUN", help="Run folder, in place of the recipe's `run`.")
@click.option("--engine", type=click.Choice(["spark"]), default="spark", show_default=True, help="What runs it.")
@click.option("-o", "folder", metavar="DIR", required=True, help="Where the package is written.")
@click.option("--workers", type=click.IntRange(min=1), help="Cores that the cluster gives; default: this machine's.")
@set_option
@click.option("--limit", type=click.IntRange(min=1), help="Read at most so many files of each input.")
def package(
    *,
    recipe: str,
    beam_flags: tuple[str, ...],
    out: str | None,
    engine: str,
    folder: str,
    workers: int | None,
    overrides: tuple[str, ...],
    limit: int | None,
) -> None:
    """Writes a jar of each job and submit.sh, which runs with spark-submit what is not committed yet.

    Settings, input files and code are those of now: package again when one of them changes.
    """
    from pipelines.engines.package import SCRIPT, write_package
    from pipelines.engines.settings import EngineError
    from pipelines.jobs import load_jobs

    loaded = load(recipe, overrides, out=out, limit=limit)
    settings = engine_settings(engine, master="spark-submit", workers=workers, beam_flags=beam_flags)
    try:
        jobs = write_package(loaded.recipe, load_jobs(), settings, folder)
    except EngineError as error:
        raise CommandError(str(error), Exit.OUTSIDE) from error
    output.result(f"wrote {len(jobs)} jobs to {folder}\nnext: {folder}/{SCRIPT} --master yarn")
