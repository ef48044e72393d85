"""A reader that is killed at random places, each time with another world size after it, reads the rows of the plan."""

import os
import pathlib
import subprocess
import sys

import pytest

from mm1_model.data.loader import TrainingRows
from mm1_model.data.shard_set import ShardSet
from tests.pipelines.mix.pools import run_mix, standard_pools

STEPS, ROWS_PER_STEP, KILLS = 40, 8, 20

PROGRAM = """
import itertools, os, pathlib, random, signal, sys
from mm1_model.data.loader import TrainingRows, row_numbers
from mm1_model.data.shard_set import ShardSet

run, log, steps, rows_per_step, kills = sys.argv[1], pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:])
rng = random.Random(17)
log.touch()

def read_on(world_size, reads_left):
    pread = os.pread
    def counting(*arguments):
        nonlocal reads_left
        if reads_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        reads_left -= 1
        return pread(*arguments)
    os.pread = counting
    rows = TrainingRows(ShardSet(run), image_size=16)
    for step in range(len(log.read_text().splitlines()), steps):
        keys = [k for r in range(world_size) for k in rows.batch(row_numbers(step, r, world_size, rows_per_step)).keys]
        with log.open("a") as file:
            file.write(" ".join(keys) + "\\n")

killed = 0
for attempt in itertools.count():
    last = attempt == kills
    world_size, reads = rng.choice([1, 2, 3, 4, 8]), rng.randrange(2, 2 * steps * rows_per_step // kills)
    child = os.fork()
    if child == 0:
        read_on(world_size, -1 if last else reads)
        os._exit(0)
    killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    if last:
        break
print(killed)
"""
"""Each child dies at a random read of a shard; the one after it takes up the step that the log does not have."""


@pytest.mark.slow
def test_a_reader_that_is_killed_at_twenty_places_reads_the_plan(tmp_path: pathlib.Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    standard_pools(run, interleaved=60, caption=100, text=20).write()
    run_mix(run)
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    numbers = [str(number) for number in (STEPS, ROWS_PER_STEP, KILLS)]
    command = [sys.executable, "-c", PROGRAM, str(run), str(log), *numbers]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = TrainingRows(ShardSet(str(run)), image_size=16)
    plan = [
        " ".join(
            line.key
            for position in range(start, start + ROWS_PER_STEP)
            for line in rows.shards.lines(rows.row(position))
        )
        for start in range(0, STEPS * ROWS_PER_STEP, ROWS_PER_STEP)
    ]

    assert int(done.stdout) == KILLS
    assert log.read_text().splitlines() == plan
