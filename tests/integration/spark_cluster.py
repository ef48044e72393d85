"""A real Spark standalone cluster on loopback: one master, two workers, from the Spark that PySpark's package holds."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator

import pyspark

SPARK_HOME = pathlib.Path(pyspark.__file__).parent
START_LIMIT_S = 90.0
MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def spark_cluster(folder: pathlib.Path, workers: int = 2) -> Iterator[str]:
    """Gives the URL of a master whose workers have registered; all its processes end with the block."""
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        master = _start(stack, folder / "master.log", MASTER, "--port", str(port), "--webui-port", str(free_port()))
        _wait_for(master, folder / "master.log", "I have been elected leader", 1)
        for number in range(workers):
            log = folder / f"worker-{number}.log"
            words = ("--cores", "1", "--memory", "2g", "--webui-port", str(free_port()))
            worker = _start(stack, log, WORKER, *words, "--work-dir", str(folder / f"work-{number}"), url)
            _wait_for(worker, log, "Successfully registered with master", 1)
        yield url


def _start(stack: contextlib.ExitStack, log: pathlib.Path, *words: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [str(SPARK_HOME / "bin" / "spark-class"), words[0], "--host", "127.0.0.1", *words[1:]]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
    stack.callback(_stop, process)
    return process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", log: pathlib.Path, text: str, times: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if len(re.findall(text, log.read_text(errors="replace"))) >= times:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
    raise RuntimeError(f"{process.args!r} did not say {text!r}:\n{log.read_text(errors='replace')[-2000:]}")
