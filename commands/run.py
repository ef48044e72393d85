"""``mm1 run``: the jobs of a recipe, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from commands import output
from commands.engines import ENGINES, engine_settings
from commands.errors import CommandError, Exit
from commands.program import command, json_option
from commands.progress import ProgressDisplay, top_reasons
from commands.settings_files import set_option
from settings.problems import Path, SettingsError

if TYPE_CHECKING:
    from pipelines.engines.settings import EngineSettings
    from pipelines.recipe import LoadedRecipe
    from pipelines.runs.runner import JobResult
    from schemas.recipe import Recipe


@command(
    examples="""
mm1 run web.yaml
mm1 run web.yaml --out runs/second --set score.min=0.25
mm1 run web.yaml --jobs select..mix --dry-run
mm1 run web.yaml --engine spark --master spark://host:7077
mm1 run web.yaml --engine dataflow --no-wait -- --project=lab --region=europe-west4
"""
)
@click.argument("recipe", type=click.Path())
@click.argument("beam_flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM FLAGS]")
@click.option("--out", metavar="RUN", help="Run folder, in place of the recipe's `run`.")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="Where the jobs run.")
@click.option("--master", help="Spark or Flink cluster: spark://host:7077, yarn, k8s://..., host:8081.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; default: one a core.")
@click.option("--jobs", metavar="A..B", help="Only these jobs: fetch, fetch..score, select.. or ..dedup.")
@set_option
@click.option("--limit", type=click.IntRange(min=1), help="Read at most so many files of each input.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and where each setting comes from. Writes nothing.")
@click.option("--no-wait", is_flag=True, help="Submit and end (Dataflow); `mm1 status` follows.")
@json_option
def run(
    *,
    recipe: str,
    beam_flags: tuple[str, ...],
    out: str | None,
    engine: str,
    master: str | None,
    workers: int | None,
    jobs: str | None,
    overrides: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Runs the jobs of RECIPE in order, skips what is committed, goes on where a run was stopped."""
    loaded = load(recipe, overrides, out=out, limit=limit)
    first, last = job_range(jobs)
    settings = engine_settings(engine, master=master, workers=workers, beam_flags=beam_flags, wait=not no_wait)
    if dry_run:
        return _dry_run(loaded, settings, first, last, as_json)
    check_engine(settings, loaded)
    results = run_jobs(loaded.recipe, settings, first, last)
    return _report(loaded.recipe, results, as_json)


def load(file: str, overrides: Sequence[str], *, out: str | None = None, limit: int | None = None) -> LoadedRecipe:
    """Returns a recipe that can run.

    Raises:
        SettingsError: It cannot; with everything that is wrong. Single inputs that are missing are only warned of,
            since the run records them as rejections.
    """
    from pipelines.preflight import missing_inputs, preflight
    from pipelines.recipe import ADVICE, load_recipe

    options: dict[str, tuple[Path, object]] = {}
    if out is not None:
        options[f"--out {out}"] = (("run",), out)
    if limit is not None:
        options[f"--limit {limit}"] = (("input", "limit"), limit)
    loaded = load_recipe(file, overrides, options)
    problems = preflight(loaded)
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)), ADVICE)
    for problem in missing_inputs(loaded):
        output.warn(f"{problem}\n         the run goes on and records it as a rejection (input_missing)")
    return loaded


def job_range(text: str | None) -> tuple[str, str]:
    """Returns the first and last job that ``A..B`` names.

    Raises:
        click.BadParameter: A name is no job, or the order is wrong.
    """
    from pipelines.jobs import JOB_NAMES

    first, dots, last = (text or "..").partition("..")
    first, last = first or JOB_NAMES[0], (last or JOB_NAMES[-1]) if dots else first
    for name in (first, last):
        if name not in JOB_NAMES:
            raise click.BadParameter(f"{name!r} is not a job; jobs: {', '.join(JOB_NAMES)}", param_hint="--jobs")
    if JOB_NAMES.index(first) > JOB_NAMES.index(last):
        raise click.BadParameter(f"{first!r} comes after {last!r}; jobs: {', '.join(JOB_NAMES)}", param_hint="--jobs")
    return first, last


def check_engine(engine: EngineSettings, loaded: LoadedRecipe) -> None:
    """Raises CommandError with everything that the engine needs and that is not there."""
    from pipelines.engines.preflight import engine_problems
    from pipelines.preflight import paths_of

    problems = engine_problems(engine, paths_of(loaded.recipe))
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise CommandError(f"engine {engine.name} cannot run here:\n{lines}", Exit.OUTSIDE)


def run_jobs(recipe: Recipe, engine: EngineSettings, first: str, last: str) -> list[JobResult]:
    """Runs jobs with progress on stderr.

    Raises:
        CommandError: A job failed, or the folder is in use.
    """
    from pipelines.engines.settings import EngineError
    from pipelines.jobs import load_jobs
    from pipelines.runs.folder import NotCommittedError
    from pipelines.runs.runner import RunEngineError, RunError, RunLockedError, RunStorageError, run_line

    with ProgressDisplay() as display:
        try:
            return run_line(
                recipe,
                load_jobs(first, last),
                engine,
                on_progress=display.update,
                on_job=lambda result: display.say(job_line(result)),
            )
        except EngineError as error:
            raise CommandError(str(error), Exit.USAGE) from error
        except NotCommittedError as error:
            raise CommandError(f"{error}", Exit.USAGE) from error
        except (RunLockedError, RunStorageError, RunEngineError) as error:
            raise CommandError(str(error), Exit.OUTSIDE) from error
        except RunError as error:
            hint = "what was finished is kept: repair the cause and run the same command again"
            raise CommandError(f"{error}\n{hint}", Exit.UNFINISHED) from error


def job_line(result: JobResult) -> str:
    """Returns one job's outcome: ``fetch       61 in   52 out    9 rejected: not_found 4, timeout 3``."""
    if result.summary is None:
        return f"{result.job:<11} submitted; follow it with `mm1 status`"
    counts = result.summary.main()
    line = f"{result.job:<11}{counts.n_in:>9,} in {counts.n_out:>9,} out"
    lost = sum(counts.rejected.values())
    if lost:
        line += f" {lost:>8,} rejected: {', '.join(f'{name} {n:,}' for name, n in top_reasons(counts.rejected))}"
    return f"{line}  (done before)" if result.skipped else line


def _report(recipe: Recipe, results: Sequence[JobResult], as_json: bool) -> int:
    from pipelines.report.statistics import broken_limits, job_statistics

    summaries = {r.job: r.summary for r in results if r.summary is not None}
    broken = broken_limits(recipe, summaries)
    if as_json:
        jobs = {name: job_statistics(summary) for name, summary in summaries.items()}
        ran = [r.job for r in results if not r.skipped]
        output.json_result({"run": recipe.run, "ran": ran, "jobs": jobs, "broken_limits": broken})
    elif all(r.skipped for r in results):
        output.result(f"nothing to do: all {len(results)} jobs are committed in {recipe.run}")
    elif results[-1].summary is None:
        output.note(f"next: mm1 status {recipe.run} --watch; then the same command again, for the job after it")
    else:
        summary_table(results)
        output.note(f"next: mm1 stats {recipe.run}")
    for line in broken:
        output.fail(line)
    return Exit.FAILED_CHECK if broken else Exit.DONE


def summary_table(results: Sequence[JobResult]) -> None:
    """Prints what every job took in, gave out and rejected, by reason."""
    rows: list[tuple[Any, ...]] = []
    for result in results:
        if result.summary is None:
            continue
        counts = result.summary.main()
        reasons = sorted(counts.rejected.items(), key=lambda pair: (-pair[1], pair[0]))
        listed = ", ".join(f"{name} {count:,}" for name, count in reasons)
        lost = sum(counts.rejected.values())
        rows.append((result.job, result.summary.unit, counts.n_in, counts.n_out, lost, listed))
    output.table(None, ("job", "unit", "in", "out", "rejected", "by reason"), rows)


def _dry_run(loaded: LoadedRecipe, engine: EngineSettings, first: str, last: str, as_json: bool) -> int:
    from pipelines.engines.flags import beam_flags
    from pipelines.engines.settings import EngineError
    from pipelines.report.plan import job_states, setting_origins

    try:
        flags = beam_flags(engine)
    except EngineError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    states = job_states(loaded.recipe, first, last)
    origins = setting_origins(loaded)
    if as_json:
        settings = {name: {"value": value, "origin": origin} for name, value, origin in origins}
        output.json_result({"run": loaded.recipe.run, "jobs": states, "beam_flags": flags, "settings": settings})
        return Exit.DONE
    output.table("jobs", ("job", "state"), list(states.items()))
    output.table("settings", ("setting", "value", "from"), [(n, str(v), o) for n, v, o in origins])
    output.result(f"run folder: {loaded.recipe.run}\nBeam flags: {' '.join(flags)}\nnothing was written")
    return Exit.DONE
