"""This machine: Beam's FnApiRunner, named because Beam's default depends on the pipeline (Prism, then others)."""

import os

from pipelines.engines.settings import EngineSettings


def local_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for worker processes, as many as cores; one worker needs no process of its own."""
    workers = engine.workers or os.cpu_count() or 1
    if workers == 1:
        return inproc_flags(engine)
    return ["--runner=FnApiRunner", "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]


def inproc_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for everything in this process: for tests and for a debugger."""
    return ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
