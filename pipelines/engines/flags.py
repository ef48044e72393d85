"""From engine settings to Beam's flags."""

from collections.abc import Callable

from pipelines.engines.dataflow import dataflow_flags
from pipelines.engines.flink import flink_flags
from pipelines.engines.local import inproc_flags, local_flags
from pipelines.engines.settings import EngineName, EngineSettings
from pipelines.engines.spark import spark_flags

_MAKERS: dict[EngineName, Callable[[EngineSettings], list[str]]] = {
    "local": local_flags,
    "inproc": inproc_flags,
    "spark": spark_flags,
    "flink": flink_flags,
    "dataflow": dataflow_flags,
}


REPEATED = {"--job_server_jvm_properties", "--experiments"}
"""Flags of which several hold together; of two that name the same property the last one counts."""


def beam_flags(engine: EngineSettings) -> list[str]:
    """Returns all flags for a pipeline of this engine: ours, without those the user gave, then the user's."""
    given = {flag.split("=", 1)[0] for flag in engine.beam_flags if flag.startswith("--")} - REPEATED
    ours = [flag for flag in _MAKERS[engine.name](engine) if flag.split("=", 1)[0] not in given]
    return [*ours, *engine.beam_flags]
