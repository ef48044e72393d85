"""A local worker: forked from a process that has imported what workers need, by importing this module."""

import gc
import os
import signal
from collections.abc import Mapping

from apache_beam.runners.worker import sdk_worker_main

from pipelines.jobs import load_jobs


def run_worker(environment: Mapping[str, str]) -> None:
    """Serves one runner until it closes the connection.

    Args:
        environment: The whole environment of the process: that of the launcher, with what Beam's worker looks for.
    """
    # A key pressed in the terminal reaches every process of it; the launcher alone answers, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    sdk_worker_main.main([])


load_jobs()
# What is imported is garbage in none of the workers; left alone by their collectors its pages stay shared.
gc.freeze()
