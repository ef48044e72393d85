"""Receipts: what a finished work item did, so that a job that was killed goes on where it was.

``RUN/<job>/.work/<item>.json`` holds the item's ``WorkReport`` under the job's fingerprint. It is written after the
item's files, and believed only when the fingerprint is the same and every file has the stated size. The folder goes
when the job commits.
"""

from dataclasses import dataclass

from pipelines.runs import storage
from pipelines.runs.job import JobContext
from schemas.errors import SchemaError
from schemas.json_form import from_json, to_json
from schemas.summary import WorkReport

WORK_FOLDER = ".work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The content of one receipt."""

    fingerprint: str
    report: WorkReport


def read_receipt(context: JobContext, name: str) -> WorkReport | None:
    """Returns the report of a work item that was finished under this fingerprint, None where it has to be done."""
    path = receipt_path(context, name)
    if not storage.exists(path):
        return None
    try:
        receipt = from_json(storage.read_bytes(path), Receipt)
    except SchemaError:
        # Another version wrote it: the work is done again.
        return None
    if receipt.fingerprint != context.fingerprint or not _files_hold(context, receipt.report):
        return None
    return receipt.report


def write_receipt(context: JobContext, name: str, report: WorkReport) -> None:
    """Writes the receipt of a work item whose files are in place."""
    receipt = Receipt(fingerprint=context.fingerprint, report=report)
    storage.write_bytes(receipt_path(context, name), to_json(receipt).encode())


def receipt_path(context: JobContext, name: str) -> str:
    """Returns where the receipt of a work item lies."""
    return context.folder.path(context.job, WORK_FOLDER, f"{name}.json")


def _files_hold(context: JobContext, report: WorkReport) -> bool:
    for part in report.parts:
        path = context.folder.path(part.path)
        if not storage.exists(path) or storage.size(path) != part.n_bytes:
            return False
    return True
