"""What a job's output depends on, as one digest: code, settings, inputs. Never paths of outputs, clocks or engines."""

import hashlib
import pathlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from typing import Any

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import Job, JobContext
from schemas.digests import json_digest
from schemas.recipe import Recipe
from schemas.summary import JobSummary

SAMPLE_BYTES = 1 << 16
"""Bytes of head and tail of an input file that stand for its content beside its size: reading all would cost a pass."""

_ROOT = pathlib.Path(__file__).parents[2]
_SHARED_CODE = ("schemas", "pipelines/runs", "pipelines/inputs", "pipelines/joins", "pipelines/imaging")


def job_fingerprint(job: Job, recipe: Recipe, folder: RunFolder) -> str:
    """Returns the fingerprint of a job whose upstream jobs are committed.

    Raises:
        NotCommittedError: One of them is not.
    """
    return complete_fingerprint(own_digest(job, recipe), _upstream(folder, job.needs))


def job_context(job: Job, recipe: Recipe, folder: RunFolder) -> JobContext:
    """Returns what the workers of a job are told that is run now. Inputs and upstream summaries are read once.

    Raises:
        NotCommittedError: An upstream job is not committed.
    """
    own, upstream = own_digest(job, recipe), _upstream(folder, job.needs)
    return JobContext(
        run=recipe.run,
        job=job.name,
        recipe=recipe,
        fingerprint=complete_fingerprint(own, upstream),
        code=job_code(job.name),
        lineage=lineage_digest(own, {name: summary.lineage for name, summary in upstream.items()}),
    )


def own_digest(job: Job, recipe: Recipe) -> str:
    """Returns the digest of what a job's output depends on beside the output of upstream jobs."""
    return json_digest(
        {
            "job": job.name,
            "code": job_code(job.name),
            "settings": plain(job.settings(recipe)),
            "seed": recipe.seed,
            "inputs": [input_digest(path) for path in job.inputs(recipe)],
        }
    )


def complete_fingerprint(own: str, upstream: Mapping[str, JobSummary]) -> str:
    """Returns the fingerprint of a job with this own digest, from what upstream jobs have committed."""
    return json_digest({"own": own, "needs": {name: _output_digest(summary) for name, summary in upstream.items()}})


def lineage_digest(own: str, needs: Mapping[str, str]) -> str:
    """Returns the lineage of a job: a digest known before any job has run, unlike the fingerprint.

    Args:
        own: The job's own digest.
        needs: The lineage of each job whose output it reads.
    """
    return json_digest({"own": own, "needs": needs})


def settled(context: JobContext) -> JobContext:
    """Returns the context with its fingerprint, which a packaged job learns on the workers."""
    if context.fingerprint:
        return context
    return replace(context, fingerprint=complete_fingerprint(context.own, _upstream(context.folder, context.needs)))


class WorkerCodeError(RuntimeError):
    """A worker's code is not the launcher's: what it made would be other bytes under the same fingerprint."""


def job_code(job: str) -> str:
    """Returns the digest of the code of a job, as it is installed here."""
    return code_digest(*_SHARED_CODE, f"pipelines/{job}")


def check_code(context: JobContext) -> None:
    """Looks, on a worker, whether this is the code that the job was launched with.

    Raises:
        WorkerCodeError: It is not.
    """
    if context.code and job_code(context.job) != context.code:
        raise WorkerCodeError(
            f"Python workers run another version of this package than the launcher: install the launcher's in their"
            f" environment, {_ROOT} of {platform.node()}, or build their image anew"
        )


def code_digest(*packages: str) -> str:
    """Returns the digest of the Python source of packages, given as paths below the project's root."""
    state = hashlib.blake2b(digest_size=16)
    for package in packages:
        for path in sorted((_ROOT / package).rglob("*.py")):
            state.update(path.relative_to(_ROOT).as_posix().encode() + b"\0")
            state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def input_digest(path: str) -> dict[str, str | int]:
    """Returns what identifies an input file: its path, size, and the digest of its head and tail.

    A file that is missing or empty has no content to digest: the job that reads it says so.
    """
    if not storage.exists(path) or storage.is_folder(path):
        return {"path": path, "size": -1}
    n_bytes = storage.size(path)
    head = storage.read_range(path, 0, min(SAMPLE_BYTES, n_bytes)) if n_bytes else b""
    tail = storage.read_range(path, max(0, n_bytes - SAMPLE_BYTES), min(SAMPLE_BYTES, n_bytes)) if n_bytes else b""
    return {"path": path, "size": n_bytes, "digest": hashlib.sha256(head + tail).hexdigest()}


def plain(value: Any) -> Any:
    """Returns settings as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _upstream(folder: RunFolder, needs: Sequence[str]) -> dict[str, JobSummary]:
    return {name: folder.committed(name) for name in needs}


def _output_digest(summary: JobSummary) -> str:
    return json_digest([[part.path, part.sha256] for part in summary.parts])
