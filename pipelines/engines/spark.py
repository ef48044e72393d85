"""Spark: embedded on this machine, or a cluster that shares our environment and the run folder."""

import os

from pipelines.engines.settings import EngineSettings, is_embedded
from pipelines.engines.workers import worker_flags

JAR_VARIABLE = "MM1_SPARK_JOB_SERVER"
"""Path of a Beam job server jar; unset, Beam downloads the released one of its own version."""

PARTITIONS_PER_WORKER = 4
"""More partitions than workers, so that a slow one does not hold up the stage."""

EXECUTOR_OPENS = "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED"
"""What Spark 3.5 needs on Java 17; Beam sets it for the driver only."""


def spark_properties(engine: EngineSettings) -> dict[str, str]:
    """Returns the properties of Spark that we set."""
    workers = engine.workers or os.cpu_count() or 1
    properties = {
        "spark.default.parallelism": str(PARTITIONS_PER_WORKER * workers),
        # One part of a stage may wait long for a model: that is no dead executor.
        "spark.network.timeout": "600s",
    }
    if not is_embedded(engine):
        properties["spark.executor.extraJavaOptions"] = EXECUTOR_OPENS
    return properties


def spark_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for Spark through Beam's job server, which is the driver."""
    workers = engine.workers or os.cpu_count() or 1
    master = engine.master or f"local[{workers}]"
    flags = [
        "--runner=SparkRunner",
        f"--spark_master_url={master}",
        *worker_flags(engine, parallelism=workers if is_embedded(engine) else 1),
        *(f"--job_server_jvm_properties=-D{name}={value}" for name, value in spark_properties(engine).items()),
    ]
    jar = os.environ.get(JAR_VARIABLE)
    return [*flags, f"--spark_job_server_jar={jar}"] if jar else flags
