"""Beam's runner for this machine, with workers that are forked from one process and watched.

By itself Beam starts an interpreter for each worker of each job, which has to import Beam and the jobs again, and waits
without end for a worker that has died. Here the workers of all jobs are forked from one process that has imported
everything once, and the death of a worker fails its job.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, beam_runner_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    ControlConnection,
    ControlFuture,
    GrpcServer,
    GrpcWorkerHandler,
    StateServicer,
    WorkerHandler,
)
from apache_beam.runners.portability.local_job_service import BeamFnLoggingServicer
from apache_beam.runners.runner import PipelineResult
from apache_beam.utils import thread_pool_executor
from google.protobuf import json_format, text_format

from pipelines.engines.fork_server import END_S, WorkerDiedError, fork

FORKED = "mm1:env:forked:v1"
"""Names our kind of worker to Beam."""


class ForkingRunner(FnApiRunner):
    """Runs a pipeline on this machine, its worker processes forked."""

    def run_via_runner_api(
        self, pipeline_proto: beam_runner_api_pb2.Pipeline, options: PipelineOptions
    ) -> PipelineResult:
        """Runs a pipeline; Beam calls it once it has chosen the environment.

        Raises:
            WorkerDiedError: A worker process died.
        """
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.urn = FORKED
        ForkedWorkerHandler.deaths.clear()
        with _broken_connections_ignored():
            try:
                return super().run_via_runner_api(pipeline_proto, options)
            except Exception as error:
                # A death shows first as whatever the runner waited for; all workers have been joined by now.
                if ForkedWorkerHandler.deaths:
                    raise WorkerDiedError(ForkedWorkerHandler.deaths[0]) from error
                raise


@contextlib.contextmanager
def _broken_connections_ignored() -> Iterator[None]:
    """Keeps threads from printing that the connection to a dead worker is gone: the error of the job says more."""
    hook = threading.excepthook

    def report(arguments: threading.ExceptHookArgs) -> None:
        if not issubclass(arguments.exc_type, grpc.RpcError):
            hook(arguments)

    threading.excepthook = report
    try:
        yield
    finally:
        threading.excepthook = hook


class WatchedConnection(ControlConnection):
    """Beam's connection to a worker, that answers in its place when it has died."""

    _death: str | None = None

    def push(self, req: Any) -> ControlFuture | None:
        """Sends a request and returns the answer to come, None for the mark that ends the connection."""
        future = super().push(req)
        if self._death is not None and future is not None:
            future.set(self._answer(req.instruction_id))
        return future

    def fail(self, death: str) -> None:
        """Answers what has been asked and will be asked with an error."""
        self._death = death
        for number, future in list(self._futures_by_id.items()):
            future.set(self._answer(number))

    def _answer(self, number: str) -> beam_fn_api_pb2.InstructionResponse:
        return beam_fn_api_pb2.InstructionResponse(instruction_id=number, error=self._death)


@WorkerHandler.register_environment(FORKED, bytes)
class ForkedWorkerHandler(GrpcWorkerHandler):
    """One worker of a pipeline: starts its process and waits for its end."""

    deaths: ClassVar[list[str]] = []
    """How workers of the present pipeline died."""

    def __init__(
        self, command: bytes, state: StateServicer, provision_info: ExtendedProvisionInfo, grpc_server: GrpcServer
    ) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._watch = threading.Thread(target=self._wait, name=f"wait_for_{self.worker_id}")
        self._process: BaseProcess | None = None
        self._given_up = False
        self.control_conn = WatchedConnection()
        # Beam makes its own kind for a worker that it does not know; this one it finds.
        grpc_server.control_handler._connections_by_worker_id[self.worker_id] = self.control_conn

    def start_worker(self) -> None:
        """Forks the process and watches it."""
        from pipelines.engines.forked import serve_launcher

        self._logging = grpc.server(thread_pool_executor.shared_unbounded_instance())
        port = self._logging.add_insecure_port("localhost:0")
        beam_fn_api_pb2_grpc.add_BeamFnLoggingServicer_to_server(BeamFnLoggingServicer(), self._logging)
        self._logging.start()
        self._process = fork(self.worker_id, serve_launcher, self._variables(port))
        self._watch.start()

    def close(self) -> None:
        """Ends the connections, and with them the process."""
        if self._process is None:
            self._logging.stop(0)
        elif self._process.exitcode:
            self.stop_worker()
        else:
            super().close()

    def stop_worker(self) -> None:
        """Waits for the process, whose connections are closed."""
        assert self._process is not None  # Beam stops what it has started
        self._watch.join(END_S)
        self._given_up = True
        self._process.kill()
        self._watch.join()
        self._logging.stop(0)

    def _wait(self) -> None:
        assert self._process is not None  # it is waited for once it has been started
        self._process.join()
        if self._process.exitcode and not self._given_up:
            death = _death(self._process.exitcode)
            self.deaths.append(death)
            self.control_conn.fail(death)

    def _variables(self, logging_port: int) -> dict[str, str]:
        options = self.provision_info.provision_info.pipeline_options
        return {
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(self.control_address),
            "LOGGING_API_SERVICE_DESCRIPTOR": _descriptor(f"localhost:{logging_port}"),
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
        }


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "a worker process was killed: the machine may be short of memory; fewer workers need less (--workers)"
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"a worker process ended {how} in the middle of its work"


def _descriptor(address: str) -> str:
    return str(text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=address)))
