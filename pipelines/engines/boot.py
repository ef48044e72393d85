"""``mm1-worker``: starts one Beam SDK worker on a machine where our environment is installed.

Runners that start workers as processes (Spark and Flink with ``environment_type=PROCESS``, pools of ``EXTERNAL``)
call a boot program with the addresses of their services. Beam ships one inside its container images; this one does the
same from the environment that it is installed in, so that a cluster needs a shared environment and nothing else. The
contract is Beam's SDK harness container contract: the flags ``--id`` and ``--*_endpoint``.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any

PROVISION_TIMEOUT_S = 60.0
"""A runner answers at once: one that does not is gone, and the process must not stay behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetches what the runner provides and is the SDK worker; with ``--pool PORT`` serves a pool of workers."""
    parser = argparse.ArgumentParser(prog="mm1-worker", description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=int, metavar="PORT", help="serve a worker pool for environment_type=EXTERNAL")
    for name in ("id", "provision_endpoint", "logging_endpoint", "artifact_endpoint", "control_endpoint"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args(arguments)
    if given.pool is not None:
        return _serve_pool(given.pool)
    if not given.id or not given.provision_endpoint:
        parser.error("a runner starts this program with --id and --provision_endpoint; by hand use --pool PORT")
    # One worker process a core: threads of numerical libraries in each would only get in each other's way. They look
    # at it when they are imported, which Beam does.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    info = _provision(given.provision_endpoint, given.id)
    with tempfile.TemporaryDirectory(prefix="mm1-worker-") as folder:
        signal.signal(signal.SIGTERM, lambda *_: _leave(folder))
        os.environ.update(worker_environment(given.id, info, vars(given), folder))
        # In this process, which has imported Beam already.
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main([])
    return 0


def _leave(folder: str) -> None:
    """Ends at once, as runners end workers by a signal; threads of Beam would go on for a while."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(128 + signal.SIGTERM)


def worker_environment(worker_id: str, info: Any, flags: Mapping[str, str], folder: str) -> dict[str, str]:
    """Returns the variables that Beam's SDK worker looks for.

    Args:
        worker_id: As the runner named it.
        info: Beam's ``ProvisionInfo``; its endpoints win over the flags.
        flags: The endpoints given on the command line.
        folder: Of this worker alone; the pipeline's options are written to it.
    """
    from google.protobuf import json_format, text_format

    options_file = os.path.join(folder, "pipeline_options.json")
    with open(options_file, "w") as file:
        json.dump(json_format.MessageToDict(info.pipeline_options), file)
    environment = {
        "WORKER_ID": worker_id,
        "PIPELINE_OPTIONS_FILE": options_file,
        "SEMI_PERSISTENT_DIRECTORY": folder,
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    for variable, field in (("LOGGING", "logging"), ("CONTROL", "control"), ("STATUS", "status")):
        descriptor = _descriptor(getattr(info, f"{field}_endpoint"), flags.get(f"{field}_endpoint", ""))
        if descriptor is not None:
            environment[f"{variable}_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(descriptor)
    return environment


def _descriptor(provided: Any, url: str) -> Any:
    from apache_beam.portability.api import endpoints_pb2

    if provided.url:
        return provided
    return endpoints_pb2.ApiServiceDescriptor(url=url) if url else None


def _provision(endpoint: str, worker_id: str) -> Any:
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc

    with grpc.insecure_channel(endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        # The worker id goes as metadata: one provision service serves all workers.
        answer = service.GetProvisionInfo(request, timeout=PROVISION_TIMEOUT_S, metadata=[("worker_id", worker_id)])
    return answer.info


def _serve_pool(port: int) -> int:
    """Serves workers for ``environment_type=EXTERNAL`` on ``port`` until the process is stopped."""
    from pipelines.engines.pool import serving_pool

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with serving_pool(port) as bound:
            print(f"a pool of workers serves localhost:{bound}; Ctrl-C ends it", file=sys.stderr, flush=True)
            stopped.wait()
    except RuntimeError as error:
        print(f"error: the pool cannot serve port {port}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
