"""What is made once for all test processes: the first that needs it makes it, the others wait."""

import fcntl
import os
import pathlib
import shutil
from collections.abc import Callable

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[pathlib.Path], object]) -> pathlib.Path:
    """Returns a folder that ``make`` filled, in this process or in another of the same test session."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # Each process of pytest-xdist has a folder of its own in that of the session.
    folder, whole = base / name, base / f"{name}.whole"
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)  # Of a process whose attempt failed.
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
