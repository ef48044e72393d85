"""The recipe that a run folder was made with, from its ``run.json``."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.errors import SchemaError
from schemas.recipe import Recipe


def recipe_of_run(run: str) -> Recipe:
    """Returns the resolved recipe of a run folder.

    Raises:
        SchemaError: It is no run folder, or another version of the program wrote it.
    """
    content = _run_file(run)
    try:
        # JSON, not Python values: only there are lists taken for tuples.
        return TypeAdapter(Recipe).validate_json(json.dumps({**content["recipe"], "run": run}), strict=True)
    except (ValidationError, KeyError) as error:
        raise SchemaError(f"{run}/run.json was written by another version of mm1: {error}") from error


def versions_of_run(run: str) -> dict[str, str]:
    """Returns the versions of the packages that made a run folder."""
    return {str(name): str(version) for name, version in _run_file(run).get("versions", {}).items()}


def _run_file(run: str) -> dict[str, Any]:
    path = RunFolder(run).path("run.json")
    if not storage.exists(path):
        raise SchemaError(f"{run} is not a run folder: it has no run.json")
    try:
        content = json.loads(storage.read_bytes(path))
    except ValueError as error:
        raise SchemaError(f"{path} is damaged, not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SchemaError(f"{path} is not a run file of mm1")
    return content
