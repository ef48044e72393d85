"""Runs the jobs of a recipe in order: skips what is committed, goes on where a run was stopped."""

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.engines.failures import engine_failure
from pipelines.engines.runners import beam_runner, local_workers
from pipelines.engines.settings import EngineSettings
from pipelines.runs import storage
from pipelines.runs.fingerprint import job_context, job_fingerprint
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import Job, JobContext
from pipelines.runs.progress import JobProgress, read_progress
from pipelines.runs.quiet import quiet_beam
from pipelines.runs.run_file import write_run_file
from schemas.recipe import Recipe
from schemas.summary import JobSummary

POLL_S = 1.0
_TRACEBACK = "Traceback (most recent call last)"


class RunError(RuntimeError):
    """A job failed; the message says which and why. What was finished stays, and the next run goes on from it."""


class RunLockedError(RunError):
    """Another process is running this run folder."""


class RunStorageError(RunError):
    """A job stopped because a disk or an object store did not take or give its files."""


class RunEngineError(RunError):
    """A job could not run because of its engine: a master that is not there, workers that do not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What running one job came to."""

    job: str
    skipped: bool
    """Whether it was committed before."""

    summary: JobSummary | None
    """None where the launcher did not wait."""


def run_line(
    recipe: Recipe,
    jobs: Sequence[Job],
    engine: EngineSettings,
    on_progress: Callable[[JobProgress], None] | None = None,
    on_job: Callable[[JobResult], None] | None = None,
) -> list[JobResult]:
    """Runs ``jobs`` in order and returns what each came to; ends after the first that is submitted without waiting.

    Args:
        recipe: With ``run`` absolute.
        jobs: In the order of the line.
        engine: Where they run.
        on_progress: Called about once a second while a job runs.
        on_job: Called when a job is done or skipped.

    Raises:
        RunLockedError: Another process runs the same folder.
        RunError: A job failed.
    """
    folder = RunFolder(recipe.run)
    results: list[JobResult] = []
    with _locked(folder), local_workers(engine, _libraries(recipe, jobs, folder)) as served:
        write_run_file(folder, recipe)
        for job in jobs:
            result = _run_job(job, recipe, folder, served, on_progress)
            results.append(result)
            if on_job:
                on_job(result)
            if result.summary is None:
                # Not waited for: the next job needs what this one has yet to commit.
                break
    return results


def _libraries(recipe: Recipe, jobs: Sequence[Job], folder: RunFolder) -> tuple[str, ...]:
    """Returns what the workers of jobs without a summary import; one whose summary is out of date imports it itself."""
    needed = {name for job in jobs if folder.summary(job.name) is None for name in job.libraries(recipe)}
    return tuple(sorted(needed))


def committed_summary(job: Job, recipe: Recipe, folder: RunFolder) -> JobSummary | None:
    """Returns the summary of a job that is committed under its present fingerprint, None where it has to run."""
    summary = folder.summary(job.name)
    if summary is None or any(folder.summary(need) is None for need in job.needs):
        return None
    return summary if summary.fingerprint == job_fingerprint(job, recipe, folder) else None


def _run_job(
    job: Job,
    recipe: Recipe,
    folder: RunFolder,
    engine: EngineSettings,
    on_progress: Callable[[JobProgress], None] | None,
) -> JobResult:
    context = job_context(job, recipe, folder)
    summary = folder.summary(job.name)
    if summary is not None and summary.fingerprint == context.fingerprint:
        return JobResult(job=job.name, skipped=True, summary=summary)
    # A reader must not take the output of other settings for this one while it is being rewritten.
    storage.remove(folder.path(job.name, "summary.json"))
    with _reporting(folder, job.name, on_progress):
        _run_pipeline(job, context, engine)
    summary = folder.summary(job.name)
    if summary is None and engine.wait:
        raise RunError(f"job {job.name!r} ended but did not commit: {folder.path(job.name)} has no summary.json")
    return JobResult(job=job.name, skipped=False, summary=summary)


def _run_pipeline(job: Job, context: JobContext, engine: EngineSettings) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipelines.engines.flags import beam_flags
    from pipelines.runs.transforms import Commit

    quiet_beam()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    pipeline = beam.Pipeline(runner=beam_runner(engine), options=PipelineOptions(beam_flags(engine)))
    reports = job.build(pipeline, context)
    _ = reports | "Commit" >> Commit(context, job.unit)
    try:
        result = pipeline.run()
        if engine.wait:
            result.wait_until_finish()
    except Exception as error:
        if told := _storage_message(error):
            raise RunStorageError(f"job {job.name!r} stopped: {told}") from error
        if told := engine_failure(engine, str(error)):
            raise RunEngineError(f"job {job.name!r} could not run: {told}") from error
        raise RunError(f"job {job.name!r} failed: {cause_of(error)}") from error


def _storage_message(error: Exception) -> str | None:
    """Returns what a ``StorageError`` of a worker said: from the text, as of other processes there is no more."""
    text = f"{type(error).__name__}: {error}"
    match = re.search(r"StorageError: (.+?)(?: \[while running .*)?$", text, re.MULTILINE)
    return match[1] if match else None


def cause_of(error: Exception) -> str:
    """Returns the one line of a runner's error that says what went wrong on the worker or in the runner."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    traces = [number for number, line in enumerate(lines) if _TRACEBACK in line]
    if traces:
        # The frames of a traceback are indented, its error is not; a JVM puts frames of its own behind it.
        lines = [line for line in lines[traces[-1] + 1 :] if not line[0].isspace()] or lines
    return lines[0] if lines else type(error).__name__


@contextlib.contextmanager
def _reporting(folder: RunFolder, job: str, on_progress: Callable[[JobProgress], None] | None) -> Iterator[None]:
    """Tells ``on_progress`` about once a second what the receipts in the run folder say."""
    if on_progress is None:
        yield
        return
    stopped = threading.Event()

    def report() -> None:
        known: JobProgress | None = None
        while not stopped.wait(POLL_S):
            known = read_progress(folder, job, known)
            on_progress(known)

    thread = threading.Thread(target=report, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextlib.contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    """Holds the run folder for this process."""
    try:
        with storage.locked(folder.path(".lock")):
            yield
    except storage.InUseError as error:
        raise RunLockedError(f"{folder.root}: another mm1 process is running it; wait for it or stop it") from error


def with_run(recipe: Recipe, run: str) -> Recipe:
    """Returns the recipe for another run folder."""
    return replace(recipe, run=run)
