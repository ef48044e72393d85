"""Flink: embedded on this machine, or a cluster that shares our environment and the run folder."""

import os

from pipelines.engines.settings import EngineSettings
from pipelines.engines.workers import worker_flags

JAR_VARIABLE = "MM1_FLINK_JOB_SERVER"
"""Path of a Beam job server jar; unset, Beam downloads the released one of its own version."""


def flink_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for Flink through Beam's job server."""
    workers = engine.workers or os.cpu_count() or 1
    flags = [
        "--runner=FlinkRunner",
        f"--flink_master={engine.master or '[local]'}",
        # Unset it would be 1, whatever the cluster has.
        f"--parallelism={workers}",
        *worker_flags(engine, parallelism=1),
    ]
    jar = os.environ.get(JAR_VARIABLE)
    return [*flags, f"--flink_job_server_jar={jar}"] if jar else flags
