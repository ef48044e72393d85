"""What runs in a forked worker. Importing this module imports what workers need."""

import gc
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apache_beam.runners.worker import sdk_worker_main

from pipelines.engines import boot
from pipelines.jobs import load_jobs


def run_with(environment: Mapping[str, str], function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function with the environment variables of the process that asked for this one."""
    # A key pressed in the terminal reaches every process of it; the launcher alone answers, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)


def serve_launcher(variables: Mapping[str, str]) -> None:
    """Is the worker of a runner in the launcher, until that closes the connection.

    Args:
        variables: What Beam's worker looks for in its environment.
    """
    os.environ.update(variables)
    sdk_worker_main.main([])


def serve_runner(arguments: Sequence[str]) -> None:
    """Is the worker of a runner elsewhere, until that closes the connection.

    Args:
        arguments: As ``mm1-worker`` gets them.
    """
    boot.main(arguments)


load_jobs()
# What is imported is garbage in none of the workers; left alone by their collectors its pages stay shared.
gc.freeze()
