"""Spark loses a Python worker, an executor, a machine, or runs tasks twice: the output stays the same."""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.integration.lines import MM1, SmallWorld, differing, digests, run_line
from tests.integration.spark_cluster import SparkCluster, spark_cluster

pytestmark = pytest.mark.engines

JOB = "score"
"""Has many work items, loads a model, and groups."""

AFTER = ("score", "select", "recaption", "mix", "shards")
LIMIT_S = 300.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def run(reference_run: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A run folder in which the jobs before ``JOB`` are committed."""
    shutil.copytree(reference_run, tmp_path / "run", ignore=shutil.ignore_patterns(*AFTER))
    return tmp_path / "run"


def start(recipe: pathlib.Path, run: pathlib.Path, cluster: SparkCluster, flags: Sequence[str] = ()) -> list[str]:
    words = ["run", str(recipe), "--out", str(run), "--jobs", JOB, "--engine", "spark", "--master", cluster.url]
    return [MM1, *words, "--workers", "2", "--", cluster.flag, *flags]


def run_with_fault(command: Sequence[str], run: pathlib.Path, log: pathlib.Path, fault: Callable[[], None]) -> int:
    """Starts a run, does ``fault`` once work items of the job are done, and returns the run's exit code."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        wait_until(lambda: len(list(run.glob(f"{JOB}/.work/*.json"))) >= 2, process)
        assert process.poll() is None, log.read_text()
        fault()
        return process.wait(timeout=LIMIT_S)


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)


def assert_whole(run: pathlib.Path, reference: pathlib.Path) -> None:
    wanted = {name: digest for name, digest in digests(reference).items() if name.startswith(f"{JOB}/")}
    found = {name: digest for name, digest in digests(run).items() if name.startswith(f"{JOB}/")}
    assert differing(found, wanted) == []


def kill_python_worker(cluster: SparkCluster) -> None:
    cluster.python_workers()[0].send_signal(signal.SIGKILL)


def kill_executor_and_replace_machine(cluster: SparkCluster) -> None:
    cluster.executors()[0].send_signal(signal.SIGKILL)
    alive = [number for number, worker in enumerate(cluster.workers) if worker.poll() is None]
    cluster.kill_machine(alive[-1])
    cluster.start_worker()


@pytest.mark.parametrize("fault", [kill_python_worker, kill_executor_and_replace_machine])
def test_what_dies_is_done_again(
    small_world: SmallWorld,
    reference_run: pathlib.Path,
    run: pathlib.Path,
    cluster: SparkCluster,
    fault: Callable[[SparkCluster], None],
) -> None:
    log = run.parent / "log"
    code = run_with_fault(start(small_world.recipe, run, cluster), run, log, lambda: fault(cluster))

    if code != 0:
        # Spark's retries were used up: nothing is committed, the error names the job, and the next run completes it.
        assert not (run / JOB / "summary.json").exists()
        assert f"error: job '{JOB}' failed: " in log.read_text(errors="replace")
        run_line(small_world.recipe, run, "--jobs", JOB, "--engine", "inproc")
    assert_whole(run, reference_run)


def test_tasks_that_run_twice_write_the_same(
    small_world: SmallWorld, reference_run: pathlib.Path, run: pathlib.Path, cluster: SparkCluster
) -> None:
    # A copy of every task that is not among the first tenth to end, as soon as it takes as long as those did.
    speculation = {"": "true", ".quantile": "0.1", ".multiplier": "1.0", ".interval": "100ms", ".minTaskRuntime": "1ms"}
    flags = [f"--job_server_jvm_properties=-Dspark.speculation{name}={value}" for name, value in speculation.items()]
    events = run.parent / "events"
    events.mkdir()
    logging = {"enabled": "true", "dir": f"file://{events}"}
    flags += [f"--job_server_jvm_properties=-Dspark.eventLog.{name}={value}" for name, value in logging.items()]

    subprocess.run(start(small_world.recipe, run, cluster, flags), check=True, timeout=LIMIT_S, capture_output=True)

    log = "".join(path.read_text() for path in events.rglob("*") if path.is_file())
    assert '"Speculative":true' in log
    assert_whole(run, reference_run)
