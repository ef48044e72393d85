"""``RUN/run.json``: what a run folder was made with. The recipe without the folder's own path, and the versions."""

import contextlib
from importlib import metadata

from pipelines.runs import storage
from pipelines.runs.fingerprint import plain
from pipelines.runs.folder import RunFolder
from schemas.digests import canonical_json
from schemas.recipe import Recipe

RUN_VERSION = 1
_VERSIONS = ("mm1", "apache-beam", "pyarrow", "pillow", "selectolax", "tokenizers")


def write_run_file(folder: RunFolder, recipe: Recipe) -> None:
    """Writes the file, unless it is there with the same content."""
    settings = plain(recipe)
    del settings["run"]
    text = canonical_json({"version": RUN_VERSION, "recipe": settings, "versions": _versions()}) + "\n"
    path = folder.path("run.json")
    if not storage.exists(path) or storage.read_bytes(path) != text.encode():
        storage.write_bytes(path, text.encode())


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
