"""A real Spark standalone cluster on loopback: one master, two workers, from the Spark that PySpark's package holds."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pyspark

SPARK_HOME = pathlib.Path(pyspark.__file__).parent
START_LIMIT_S = 90.0
MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
EXECUTOR = "CoarseGrainedExecutorBackend"
SDK_WORKER = "mm1-worker"


@dataclass(slots=True, kw_only=True)
class SparkCluster:
    """The processes of a cluster; workers are numbered from 0."""

    folder: pathlib.Path
    url: str
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    flag = "--job_server_jvm_properties=-Dspark.driver.host=127.0.0.1"
    """What a driver on a machine without a network name needs."""

    def start_worker(self) -> None:
        """Starts one more worker of one core and waits until it has registered.

        Each has a loopback address of its own: Spark takes it for a machine.
        """
        number = len(self.workers)
        log, work = self.folder / f"worker-{number}.log", self.folder / f"work-{number}"
        words = ("--cores", "1", "--memory", "2g", "--webui-port", str(free_port()), "--work-dir", str(work), self.url)
        worker = _start(log, f"127.0.0.{2 + number}", WORKER, *words)
        self.workers.append(worker)
        _wait_for(worker, log, "Successfully registered with master")

    def executors(self) -> list[psutil.Process]:
        """Returns the executor processes of all workers."""
        return [process for worker in self.workers for process in _below(worker.pid, EXECUTOR)]

    def python_workers(self) -> list[psutil.Process]:
        """Returns the Python worker processes of all executors."""
        return [process for worker in self.workers for process in _below(worker.pid, SDK_WORKER)]

    def kill_machine(self, number: int) -> None:
        """Kills a worker and all that it started, as a machine does that loses its power."""
        machine = psutil.Process(self.workers[number].pid)
        for process in (machine, *machine.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.workers[number].wait()


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def spark_cluster(folder: pathlib.Path, workers: int = 2) -> Iterator[SparkCluster]:
    """Gives a cluster whose workers have registered; all its processes end with the block."""
    port = free_port()
    log = folder / "master.log"
    master = _start(log, "127.0.0.1", MASTER, "--port", str(port), "--webui-port", str(free_port()))
    cluster = SparkCluster(folder=folder, url=f"spark://127.0.0.1:{port}")
    try:
        _wait_for(master, log, "I have been elected leader")
        for _ in range(workers):
            cluster.start_worker()
        yield cluster
    finally:
        for process in (*cluster.workers, master):
            _stop(process)


def _start(log: pathlib.Path, host: str, *words: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": host}
    command = [str(SPARK_HOME / "bin" / "spark-class"), words[0], "--host", host, *words[1:]]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)


def _below(pid: int, name: str) -> list[psutil.Process]:
    """Returns the descendants of a process that have ``name`` in their command."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if any(name in word for word in process.cmdline()):
                    found.append(process)
    return found


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", log: pathlib.Path, text: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if re.search(text, log.read_text(errors="replace")):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
    raise RuntimeError(f"{process.args!r} did not say {text!r}:\n{log.read_text(errors='replace')[-2000:]}")
