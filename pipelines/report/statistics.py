"""Counts, funnel and shares of a run, from its summaries and its manifest alone: no table is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.errors import SchemaError
from schemas.json_form import from_json
from schemas.manifest import MANIFEST_VERSION, Manifest
from schemas.recipe import JOB_NAMES, Recipe
from schemas.summary import JobSummary, UnitCounts

SHARDS = "shards"
MANIFEST = "manifest.json"


def run_statistics(path: str) -> dict[str, Any]:
    """Returns the statistics of a run folder or a folder of shards, as JSON values.

    ``{"jobs": {job: {"unit", "in", "out", "rejected", "units", "totals"}}, "shards": {...} or None}``; in = out + the
    sum of ``rejected`` for every job and unit.

    Raises:
        SchemaError: The folder is neither, or its numbers do not add up.
    """
    folder = RunFolder(path)
    manifest = read_manifest(path)
    summaries = {name: summary for name in JOB_NAMES if (summary := folder.summary(name)) is not None}
    if not summaries and manifest is None and not storage.exists(folder.path("run.json")):
        raise SchemaError(f"{path} is neither a run folder (no run.json) nor a folder of shards (no {MANIFEST})")
    return {
        "jobs": {name: job_statistics(summary) for name, summary in summaries.items()},
        "shards": None if manifest is None else shard_statistics(manifest),
    }


def job_statistics(summary: JobSummary) -> dict[str, Any]:
    """Returns the numbers of one job.

    Raises:
        SchemaError: They do not add up.
    """
    for unit, counts in summary.counts.items():
        counts.check(summary.job, unit)
    return {
        "unit": summary.unit,
        **unit_statistics(summary.main()),
        "units": {unit: unit_statistics(counts) for unit, counts in sorted(summary.counts.items())},
        "totals": dict(sorted(summary.totals.items())),
    }


def unit_statistics(counts: UnitCounts) -> dict[str, Any]:
    """Returns the counts of one unit."""
    return {"in": counts.n_in, "out": counts.n_out, "rejected": dict(sorted(counts.rejected.items()))}


def shard_statistics(manifest: Manifest) -> dict[str, Any]:
    """Returns the numbers of the shards."""
    return {
        "count": len(manifest.shards),
        "bytes": sum(shard.n_bytes for shard in manifest.shards),
        "rows": dict(manifest.rows),
        "samples": dict(manifest.samples),
        "text_tokens": dict(manifest.text_tokens),
        "images": dict(manifest.images),
        "image_tokens": {kind: n * manifest.tokens_per_image for kind, n in manifest.images.items()},
        "shares": dict(manifest.shares),
        "weights": dict(manifest.weights),
        "left_over": dict(manifest.left_over),
        "repeated": dict(manifest.repeated),
        "sequence_length": manifest.sequence_length,
        "tokens_per_image": manifest.tokens_per_image,
    }


def shards_folder(path: str) -> str | None:
    """Returns the folder of shards of a run folder, or the folder of shards itself; None where no manifest is."""
    candidates = (storage.join(path, SHARDS), path)
    return next((folder for folder in candidates if storage.exists(storage.join(folder, MANIFEST))), None)


def read_manifest(path: str) -> Manifest | None:
    """Returns the manifest of a run folder or a folder of shards, None where there is none.

    Raises:
        SchemaError: There is one that this build cannot read.
    """
    folder = shards_folder(path)
    if folder is None:
        return None
    file = storage.join(folder, MANIFEST)
    manifest = from_json(storage.read_bytes(file), Manifest)
    if manifest.version != MANIFEST_VERSION:
        raise SchemaError(f"{file} has version {manifest.version}, this build reads {MANIFEST_VERSION}: run mix again")
    return manifest


def broken_limits(recipe: Recipe, summaries: Mapping[str, JobSummary]) -> list[str]:
    """Returns a sentence for each limit of the recipe that a job broke."""
    broken = []
    for job, limit in sorted(recipe.limits.max_rejected.items()):
        summary = summaries.get(job)
        if summary is None or not summary.main().n_in:
            continue
        counts = summary.main()
        share = sum(counts.rejected.values()) / counts.n_in
        if share > limit:
            broken.append(
                f"limits.max_rejected.{job}: {share:.3f} of {counts.n_in:,} {summary.unit}s were rejected,"
                f" at most {limit:g} may be"
            )
    return broken
