"""The jobs of the line, in order. Adding one is a folder and a name here."""

import importlib

from pipelines.runs.job import Job
from schemas.recipe import JOB_NAMES

__all__ = ["JOB_NAMES", "load_job", "load_jobs"]


def load_job(name: str) -> Job:
    """Returns the job ``pipelines.<name>.transform.JOB``; imports Beam and what else it needs."""
    job = importlib.import_module(f"pipelines.{name}.transform").JOB
    assert isinstance(job, Job)  # a mistake of ours, not of a user
    return job


def load_jobs(first: str = JOB_NAMES[0], last: str = JOB_NAMES[-1]) -> list[Job]:
    """Returns the jobs from ``first`` to ``last``, both included, in order.

    Raises:
        ValueError: One is not a job, or they are in the wrong order.
    """
    for name in (first, last):
        if name not in JOB_NAMES:
            raise ValueError(f"jobs: {name!r} is not a job; the jobs are {', '.join(JOB_NAMES)}")
    start, end = JOB_NAMES.index(first), JOB_NAMES.index(last)
    if start > end:
        raise ValueError(f"jobs: {first!r} comes after {last!r}; the order is {', '.join(JOB_NAMES)}")
    return [load_job(name) for name in JOB_NAMES[start : end + 1]]
