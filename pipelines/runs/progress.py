"""How far a job is, read from the receipts in the run folder: on any engine, from any terminal, after a crash too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.receipts import WORK_FOLDER, Receipt
from schemas.errors import SchemaError
from schemas.json_form import from_json
from schemas.summary import UnitCounts

_NAME = re.compile(r"(?P<phase>.+)-(?P<number>\d{5,})-of-(?P<count>\d{5,})\.json$")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """What the receipts of one job say so far."""

    job: str
    done: int
    """Work items that are finished."""

    total: int
    """Work items of the steps that have begun; later steps of the job are not known yet."""

    counts: Mapping[str, UnitCounts] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    """Receipts that are in ``counts`` already."""


def read_progress(folder: RunFolder, job: str, known: JobProgress | None = None) -> JobProgress:
    """Returns the progress of a job; receipts that ``known`` has counted are not read again."""
    counts = dict(known.counts) if known else {}
    seen = set(known.seen) if known else set()
    totals: dict[str, int] = {}
    for path in storage.list_files(folder.path(job, WORK_FOLDER)):
        match = _NAME.search(path.rsplit("/", 1)[-1])
        if match is None:
            continue
        totals[match["phase"]] = int(match["count"])
        if path not in seen and (report_counts := _counts(path)) is not None:
            seen.add(path)
            for unit, added in report_counts.items():
                counts[unit] = counts.get(unit, UnitCounts()) + added
    return JobProgress(job=job, done=len(seen), total=sum(totals.values()), counts=counts, seen=frozenset(seen))


def _counts(path: str) -> Mapping[str, UnitCounts] | None:
    try:
        return from_json(storage.read_bytes(path), Receipt).report.counts
    except (FileNotFoundError, SchemaError):
        # The job has just committed and removed it, or another version wrote it.
        return None
