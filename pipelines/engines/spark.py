"""Spark: embedded on this machine, or a cluster that shares our environment and the run folder."""

import os
import re

from pipelines.engines.settings import EngineSettings
from pipelines.engines.workers import process_environment_flags

JAR_VARIABLE = "MM1_SPARK_JOB_SERVER"
"""Path of a Beam job server jar; unset, Beam downloads the released one of its own version."""

PARTITIONS_PER_WORKER = 4
"""More partitions than workers, so that a slow one does not hold up the stage."""

EXECUTOR_OPENS = "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED"
"""What Spark 3.5 needs on Java 17; Beam sets it for the driver only."""


def spark_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for Spark through Beam's job server, which is the driver."""
    workers = engine.workers or os.cpu_count() or 1
    master = engine.master or f"local[{workers}]"
    is_local = re.match(r"^local(\[.+\])?$", master) is not None
    flags = [
        "--runner=SparkRunner",
        f"--spark_master_url={master}",
        *process_environment_flags(parallelism=workers if is_local else 1),
        f"--job_server_jvm_properties=-Dspark.default.parallelism={PARTITIONS_PER_WORKER * workers}",
        # One part of a stage may wait long for a model: that is no dead executor.
        "--job_server_jvm_properties=-Dspark.network.timeout=600s",
    ]
    if not is_local:
        flags.append(f"--job_server_jvm_properties=-Dspark.executor.extraJavaOptions={EXECUTOR_OPENS}")
    jar = os.environ.get(JAR_VARIABLE)
    return [*flags, f"--spark_job_server_jar={jar}"] if jar else flags
