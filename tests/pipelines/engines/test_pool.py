"""A pool of workers: forks one for each that a runner asks for."""

import os
import pathlib
import socket
import subprocess
import sys

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import ExternalEnvironment

from pipelines.engines.pool import serving_pool


def test_a_runner_gets_its_workers_from_the_pool(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Beam's local runner tells workers its full name, which a machine without a network cannot look up.
    monkeypatch.setattr(socket, "getfqdn", lambda: "localhost")

    with serving_pool() as port:
        runner = FnApiRunner(default_environment=ExternalEnvironment(f"localhost:{port}"))
        pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(["--direct_num_workers=2"]))
        numbers = pipeline | beam.Create(range(20)) | beam.Reshuffle()
        _ = numbers | beam.Map(lambda number: (tmp_path / f"{os.getpid()}-{number}").touch())
        pipeline.run().wait_until_finish()

    written = [path.name.split("-") for path in tmp_path.iterdir()]
    assert sorted(int(number) for _, number in written) == list(range(20))
    workers = {process for process, _ in written}
    assert str(os.getpid()) not in workers
    assert [process for process in workers if pathlib.Path("/proc", process).exists()] == []


def test_the_program_serves_a_pool_until_it_is_stopped() -> None:
    command = [sys.executable, "-m", "pipelines.engines.boot", "--pool"]
    with subprocess.Popen([*command, "0"], stderr=subprocess.PIPE, text=True) as pool:
        assert pool.stderr is not None
        port = pool.stderr.readline().split("localhost:")[1].split(";")[0]

        second = subprocess.run([*command, port], capture_output=True, text=True, timeout=60, check=False)
        pool.terminate()

    assert pool.returncode == 0
    assert second.returncode == 3
    assert second.stderr.splitlines()[-1].startswith(f"error: the pool cannot serve port {port}")
