"""A pool of workers: starts one for each that a runner asks for (Beam's ``EXTERNAL`` environment), by a fork."""

import contextlib
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.utils import thread_pool_executor

from pipelines.engines.fork_server import END_S, WorkerDiedError, fork

HOST = "localhost"
"""Who may reach the pool may run code in it: this machine alone."""

ENDPOINTS = ("provision", "logging", "artifact", "control")


class ForkingPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Beam's service of a pool, whose workers are forked."""

    def __init__(self) -> None:
        self._workers: dict[str, BaseProcess] = {}

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in Beam's protocol
        """Starts a worker that answers to the runner who asks."""
        from pipelines.engines.forked import serve_runner

        endpoints = [f"--{name}_endpoint={getattr(request, f'{name}_endpoint').url}" for name in ENDPOINTS]
        try:
            worker = fork(request.worker_id, serve_runner, [f"--id={request.worker_id}", *endpoints])
        except WorkerDiedError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        self._workers[request.worker_id] = worker
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in Beam's protocol
        """Ends a worker that its runner has no use for any more."""
        worker = self._workers.pop(request.worker_id, None)
        if worker is not None:
            _end(worker)
        return beam_fn_api_pb2.StopWorkerResponse()

    def close(self) -> None:
        """Ends the workers that are left."""
        while self._workers:
            _end(self._workers.popitem()[1])


def _end(worker: BaseProcess) -> None:
    worker.terminate()
    worker.join(END_S)
    worker.kill()


@contextlib.contextmanager
def serving_pool(port: int = 0) -> Iterator[int]:
    """Serves a pool and gives its port.

    Args:
        port: 0: any that is free.

    Raises:
        RuntimeError: The port is taken.
    """
    # Two pools at one port would take turns.
    server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=[("grpc.so_reuseport", 0)])
    pool = ForkingPool()
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    bound = server.add_insecure_port(f"{HOST}:{port}")
    server.start()
    try:
        yield bound
    finally:
        server.stop(None).wait()
        pool.close()
