"""From engine settings to Beam's flags."""

import os

from pipelines.engines.settings import EngineSettings


class EngineError(ValueError):
    """The engine cannot be used as asked; the message says what to do."""


def beam_flags(engine: EngineSettings) -> list[str]:
    """Returns all flags for a pipeline of this engine: ours, then the user's.

    Raises:
        EngineError: The engine is not offered.
    """
    makers = {"local": local_flags, "inproc": inproc_flags}
    if engine.name not in makers:
        raise EngineError(f"engine {engine.name!r} is not offered; choose one of {', '.join(makers)}")
    return [*makers[engine.name](engine), *engine.beam_flags]


def local_flags(engine: EngineSettings) -> list[str]:
    """Worker processes on this machine: FnApiRunner, named because Beam's default runner depends on the pipeline."""
    workers = engine.workers or os.cpu_count() or 1
    if workers == 1:
        return inproc_flags(engine)
    return ["--runner=FnApiRunner", "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]


def inproc_flags(engine: EngineSettings) -> list[str]:
    """Everything in this process: for tests and for looking into a job with a debugger."""
    return ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
