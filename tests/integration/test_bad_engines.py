"""Engines that do not work: the run ends in time, with one sentence and exit code 3, and leaves no process behind."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence

import psutil
import pytest

from tests.integration.lines import MM1, SmallWorld
from tests.integration.spark_cluster import SparkCluster

pytestmark = pytest.mark.engines

LIMIT_S = 60.0
MASTER_LIMIT_S = 150.0
"""Spark itself asks a silent master three times for 20 s; to this comes the start of its driver."""

MARK = "MM1_TEST_MARK"


def run(recipe: pathlib.Path, out: pathlib.Path, words: Sequence[str], limit_s: float) -> tuple[int, str]:
    """Runs a recipe; returns the exit code and the last message. Fails if it takes longer or leaves processes."""
    mark = uuid.uuid4().hex
    done = subprocess.run(
        [MM1, "run", str(recipe), "--out", str(out), "-q", *words],
        capture_output=True,
        text=True,
        timeout=limit_s,
        env={**os.environ, MARK: mark, "NO_COLOR": "1"},
        check=False,
    )
    assert marked(mark) == []
    return done.returncode, done.stderr[done.stderr.rfind("error: ") :]


def marked(mark: str) -> list[str]:
    """Returns the commands of the processes that were started with a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get(MARK) == mark:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def test_a_master_that_does_not_answer(small_world: SmallWorld, tmp_path: pathlib.Path, silent_port: int) -> None:
    master = f"spark://127.0.0.1:{silent_port}"

    code, message = run(
        small_world.recipe,
        tmp_path / "run",
        ["--engine", "spark", "--master", master, "--", SparkCluster.flag],
        MASTER_LIMIT_S,
    )

    assert code == 3
    assert f"the spark master {master} does not answer: start it, or correct --master" in message


def test_a_worker_environment_without_this_package(small_world: SmallWorld, tmp_path: pathlib.Path) -> None:
    # What is left of mm1-worker in an environment from which the package was taken: an interpreter without it.
    program = tmp_path / "mm1-worker"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -I -S -m pipelines.engines.boot\n")
    program.chmod(0o755)
    config = f'--environment_config={{"command": "{program}"}}'

    code, message = run(
        small_world.recipe, tmp_path / "run", ["--engine", "spark", "--workers", "1", "--", config], LIMIT_S
    )

    assert code == 3
    assert f"the program {program}, which starts Python workers, ended at once with exit code 1: install" in message
