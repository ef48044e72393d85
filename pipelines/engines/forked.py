"""What runs in a forked worker. Importing this module imports what workers need."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from apache_beam.runners.worker import sdk_worker_main

from pipelines.engines import boot
from pipelines.jobs import load_jobs


def run_with(environment: Mapping[str, str], function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function with the environment variables of the process that asked for this one."""
    # A key pressed in the terminal reaches every process of it; the launcher alone answers, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_launcher, name="end_with_launcher", daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)


def _end_with_launcher() -> None:
    """Ends this process when the one that asked for it is gone, however that ended: nobody would commit its work."""
    launcher = multiprocessing.parent_process()
    assert launcher is not None  # this process has been forked for one
    launcher.join()
    os._exit(1)


def serve_launcher(variables: Mapping[str, str]) -> None:
    """Is the worker of a runner in the launcher, until that closes the connection.

    Args:
        variables: What Beam's worker looks for in its environment.
    """
    os.environ.update(variables)
    try:
        sdk_worker_main.main([])
    except grpc.RpcError:
        # The launcher is gone, or says itself what happened to its worker.
        sys.exit(1)


def serve_runner(arguments: Sequence[str]) -> None:
    """Is the worker of a runner elsewhere, until that closes the connection.

    Args:
        arguments: As ``mm1-worker`` gets them.
    """
    boot.main(arguments)


load_jobs()
# What is imported is garbage in none of the workers; left alone by their collectors its pages stay shared.
gc.freeze()
