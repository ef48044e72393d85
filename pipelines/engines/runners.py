"""What an engine has of this machine: the object that runs pipelines, and worker processes."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.engines.fork_server import share_imports
from pipelines.engines.settings import EngineSettings, flag_value, uses_pool

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineRunner


def beam_runner(engine: EngineSettings) -> "PipelineRunner | None":
    """Returns the runner of an engine, None for the one that its flags name."""
    if flag_value(engine, "runner"):
        return None
    if engine.name == "local":
        from pipelines.engines.forking import ForkingRunner

        return ForkingRunner()
    if engine.name == "flink":
        from pipelines.engines.flink_runner import OneServerFlinkRunner

        return OneServerFlinkRunner()
    return None


@contextlib.contextmanager
def local_workers(engine: EngineSettings, libraries: Sequence[str]) -> Iterator[EngineSettings]:
    """Has workers ready on this machine for an engine that takes them from here; gives the engine that knows where.

    Args:
        engine: Where the jobs run.
        libraries: Modules, slow to import, that workers of these jobs need.
    """
    share_imports(libraries)
    if not uses_pool(engine):
        yield engine
        return
    from pipelines.engines.pool import serving_pool

    with serving_pool() as port:
        yield replace(engine, pool_port=port)
