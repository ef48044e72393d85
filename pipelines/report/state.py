"""How far the jobs of a run are, from its folder alone."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.progress import JobProgress, read_progress
from pipelines.runs.receipts import WORK_FOLDER
from schemas.recipe import JOB_NAMES
from schemas.summary import JobSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """One job: committed, begun, or neither."""

    name: str
    summary: JobSummary | None
    """None unless it is committed."""

    progress: JobProgress | None
    """None unless it has begun and is not committed."""

    elapsed_s: float
    """Between the first and the last receipt, in seconds; 0 where that is not known."""


def run_state(path: str) -> list[JobState] | None:
    """Returns the state of every job, in order; None where ``path`` is no run folder."""
    folder = RunFolder(path)
    if not storage.exists(folder.path("run.json")):
        return None
    return [_job_state(folder, name) for name in JOB_NAMES]


def _job_state(folder: RunFolder, name: str) -> JobState:
    summary = folder.summary(name)
    if summary is not None:
        return JobState(name=name, summary=summary, progress=None, elapsed_s=0.0)
    progress = read_progress(folder, name)
    if not progress.total:
        return JobState(name=name, summary=None, progress=None, elapsed_s=0.0)
    return JobState(name=name, summary=None, progress=progress, elapsed_s=_elapsed_s(folder, name))


def _elapsed_s(folder: RunFolder, name: str) -> float:
    """Returns the time between the first and last receipt: what the rate of the work is taken from."""
    work = folder.path(name, WORK_FOLDER)
    times = [time for path in storage.list_files(work) if (time := storage.modified_s(path)) is not None]
    return max(times) - min(times) if times else 0.0
