"""Paths of runs and inputs are opened in one place."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[3]

OPENERS = frozenset(
    {"open", "scandir", "listdir", "walk", "makedirs", "mkdir", "rename", "replace", "unlink", "rmtree"}
)
DRIVERS = frozenset({"fsspec", "fs", "s3fs", "gcsfs"})

ALLOWED = {
    "pipelines/fetch/decoder/child.py": "where what libraries print goes",
    "pipelines/runs/storage.py": "the one place",
    "pipelines/runs/remote.py": "its half that talks to object stores",
    "pipelines/engines/boot.py": "the options of one worker, in a temporary folder",
    "pipelines/engines/preflight.py": "the mounts of this machine",
    "pipelines/engines/package.py": "jars and a script, on the machine that submits",
    "pipelines/preflight.py": "names that are like a missing local one, and a local tokenizer",
}


def openings(source: str) -> Iterator[tuple[int, str]]:
    """Yields line and name of every call that opens, lists or moves something by its path."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            yield node.lineno, "open"
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            owner, name = called.value.id, called.attr
            if (owner in {"os", "io", "shutil", "gzip"} and name in OPENERS) or owner in DRIVERS:
                yield node.lineno, f"{owner}.{name}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pipelines").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_only_storage_opens_paths(path: pathlib.Path) -> None:
    name = path.relative_to(ROOT).as_posix()

    found = list(openings(path.read_text()))

    assert found == [] or name in ALLOWED


def test_an_opening_is_seen() -> None:
    source = "import os\nwith open('x') as f: pass\nos.scandir('y')\nfsspec.open('z')\nstorage.open_read('w')\n"

    assert [name for _, name in sorted(openings(source))] == ["open", "os.scandir", "fsspec.open"]
