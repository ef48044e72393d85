"""How a runner on other machines, or a JVM on this one, starts our Python workers."""

import json
import os
import sys

from pipelines.engines.settings import EngineSettings, flag_value, uses_pool

ENVIRONMENT_CACHE_MS = 60_000
"""Workers outlive a stage by so much: models are loaded once a worker and not once a stage, and the workers of a job
that is done soon make room for the next ones."""


def worker_program() -> str:
    """Returns the path of ``mm1-worker`` in the environment that this process runs in."""
    return os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "mm1-worker")


def worker_command(engine: EngineSettings) -> str:
    """Returns the program that starts workers: the one that the engine's own flags name, else ours."""
    given = flag_value(engine, "environment_config") or ""
    try:
        configuration = json.loads(given)
    except json.JSONDecodeError:
        return worker_program()
    return str(configuration.get("command", "")) if isinstance(configuration, dict) else worker_program()


def worker_flags(engine: EngineSettings, parallelism: int) -> list[str]:
    """Returns the flags for workers: from the pool of this machine, or started as processes from our environment.

    Args:
        engine: Spark or Flink.
        parallelism: Worker processes for each executor.
    """
    if uses_pool(engine):
        kind, configuration = "EXTERNAL", f"localhost:{engine.pool_port}"
    else:
        process = {"command": worker_program(), "env": {"TOKENIZERS_PARALLELISM": "false"}}
        kind, configuration = "PROCESS", json.dumps(process)
    return [
        f"--environment_type={kind}",
        f"--environment_config={configuration}",
        f"--environment_cache_millis={ENVIRONMENT_CACHE_MS}",
        f"--sdk_worker_parallelism={parallelism}",
    ]
