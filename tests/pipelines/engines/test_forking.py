"""Workers of this machine: forked from one process, and watched."""

import os
import pathlib
import select
import signal
import subprocess
import sys
from collections.abc import Callable

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.engines.flags import beam_flags
from pipelines.engines.fork_server import WorkerDiedError
from pipelines.engines.forking import ForkingRunner
from pipelines.engines.runners import beam_runner
from pipelines.engines.settings import EngineSettings

LOCAL = EngineSettings(name="local", workers=2)


def run(function: Callable[[int], object], n_elements: int = 20) -> None:
    """Runs a function on numbers, on two workers."""
    pipeline = beam.Pipeline(runner=beam_runner(LOCAL), options=PipelineOptions(beam_flags(LOCAL)))
    _ = pipeline | beam.Create(range(n_elements)) | beam.Reshuffle() | beam.Map(function)
    pipeline.run().wait_until_finish()


def test_local_runs_have_forked_workers_unless_told_otherwise() -> None:
    assert isinstance(beam_runner(LOCAL), ForkingRunner)
    assert beam_runner(EngineSettings(name="inproc")) is None
    assert beam_runner(EngineSettings(name="local", beam_flags=("--runner=PrismRunner",))) is None


def test_workers_are_other_processes_with_the_environment_of_the_launcher(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MM1_TEST_VALUE", "seen")

    run(lambda number: (tmp_path / f"{os.getpid()}-{number}").write_text(os.environ["MM1_TEST_VALUE"]))

    notes = list(tmp_path.iterdir())
    assert {note.read_text() for note in notes} == {"seen"}
    assert sorted(int(note.name.split("-")[1]) for note in notes) == list(range(20))
    processes = {note.name.split("-")[0] for note in notes}
    assert str(os.getpid()) not in processes
    assert [process for process in processes if pathlib.Path("/proc", process).exists()] == []


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "a worker process was killed: the machine may be short of memory",
        ),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "a worker process ended by signal 11 in the middle of its work"),
        (lambda: os._exit(7), "a worker process ended with exit code 7"),
    ],
    ids=["killed", "crashed", "left"],
)
def test_the_death_of_a_worker_is_an_error(end: Callable[[], None], message: str) -> None:
    with pytest.raises(WorkerDiedError, match=message):
        run(lambda number: end() if number == 13 else None)


def test_workers_end_with_a_launcher_that_is_killed() -> None:
    script = (
        "import time; from pipelines.engines.fork_server import fork\n"
        "print(fork('worker', time.sleep, 600).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        worker = os.pidfd_open(int(launcher.stdout.readline()))
        launcher.kill()

    assert select.select([worker], [], [], 30)[0] == [worker]
    os.close(worker)
