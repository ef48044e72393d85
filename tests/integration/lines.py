"""Running the program as a user does, and looking at what a run left behind."""

import dataclasses
import hashlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

ROOT = pathlib.Path(__file__).parents[2]
MM1 = str(pathlib.Path(sys.executable).with_name("mm1"))
LIMIT_S = 1_500
"""No run of a test may take longer: a hang becomes a failure."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SmallWorld:
    """A generated world and the recipe that reads it."""

    folder: pathlib.Path
    recipe: pathlib.Path


def mm1(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs ``mm1`` with arguments and returns what it printed and how it ended."""
    return command([MM1, *arguments], env=env)


def command(words: Sequence[str], env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs any command with one thread a process, captured."""
    full = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **(env or {})}
    return subprocess.run(list(words), capture_output=True, text=True, env=full, timeout=LIMIT_S, check=False)


def run_line(recipe: pathlib.Path, out: pathlib.Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs a recipe into ``out``; fails the test unless it ends with 0."""
    done = mm1("run", str(recipe), "--out", str(out), *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def digests(run: pathlib.Path) -> dict[str, str]:
    """Returns the sha256 of every file of a run, but for logs and the lock."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != ".lock" and "logs" not in path.relative_to(run).parts
    }


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Returns the names of files that are in one run alone or differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
