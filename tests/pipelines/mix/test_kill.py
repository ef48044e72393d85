"""A run of the job that is killed anywhere and started again ends in the same bytes."""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from pipelines.verify.verify import verify_shards
from tests.pipelines.mix.pools import run_mix, small_mixture, standard_pools

PROGRAM = """
import os, pathlib, signal, sys
from pipelines.runs import storage
from tests.pipelines.mix.pools import run_mix, small_mixture

left = int(sys.argv[2])
replace = os.replace

def counting(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    replace(source, target)

os.replace = counting
run_mix(pathlib.Path(sys.argv[1]), small_mixture())
"""
"""Dies at the n-th rename, with the temporary file written and the final name not there."""


def digests(run: pathlib.Path) -> dict[str, str]:
    paths = (path for folder in ("shards", "mix") for path in (run / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("renames", [1, 9, 30, 60])
def test_killed_at_a_rename(tmp_path: pathlib.Path, renames: int) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    standard_pools(run, interleaved=30, caption=30, text=12).write()
    shutil.copytree(run, whole)
    run_mix(whole, small_mixture())
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[3])}
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(run), str(renames)], env=environment, capture_output=True, check=False
    )

    assert killed.returncode in (-signal.SIGKILL, 0)
    if killed.returncode:
        assert not (run / "mix" / "summary.json").exists()
    run_mix(run, small_mixture())
    assert digests(run) == digests(whole)
    assert verify_shards(str(run)) == []


def test_shards_of_other_settings_are_replaced_as_a_whole(tmp_path: pathlib.Path) -> None:
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    standard_pools(run, interleaved=20, caption=20, text=8).write()
    shutil.copytree(run, fresh)
    run_mix(run, small_mixture(rows_per_shard=2))
    run_mix(run, small_mixture(rows_per_shard=16))
    run_mix(fresh, small_mixture(rows_per_shard=16))

    assert digests(run) == digests(fresh)
