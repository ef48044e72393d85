"""The process that workers of this machine are forked from: it has imported what they need, once for all of them."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

FORKED = "pipelines.engines.forked"
"""The module that runs in workers: with it come Beam and the jobs."""

END_S = 30.0
"""A worker ends when its connections are closed; one that has not after so long is killed."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([FORKED])


class WorkerDiedError(RuntimeError):
    """A worker process ended before its work did; the message says how."""


def share_imports(libraries: Sequence[str]) -> None:
    """Names modules, slow to import, that workers need besides Beam and the jobs. Too late once one has been forked."""
    _CONTEXT.set_forkserver_preload([FORKED, *libraries])


def fork(name: str, function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Calls a function in a new process, with the environment variables of this one.

    Raises:
        WorkerDiedError: The process that forks has been killed.
    """
    from pipelines.engines.forked import run_with

    # One worker process a core: threads of numerical libraries in each would only get in each other's way. They look at
    # it when they are imported, in the process that forks.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    process = _CONTEXT.Process(target=run_with, args=(dict(os.environ), function, *arguments), name=name)
    try:
        process.start()
    except (EOFError, ConnectionError) as error:
        raise WorkerDiedError("the process that local workers are forked from has been killed") from error
    return process
