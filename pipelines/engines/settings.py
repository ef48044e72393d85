"""Where and how wide the jobs run. Nothing here may change a byte of the output."""

import re
from dataclasses import dataclass
from typing import Literal

EngineName = Literal["local", "inproc", "spark", "flink", "dataflow"]
ENGINE_NAMES: tuple[EngineName, ...] = ("local", "inproc", "spark", "flink", "dataflow")


class EngineError(ValueError):
    """The engine cannot be used as asked; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The engine of a run."""

    name: EngineName = "local"
    workers: int | None = None
    """Worker processes of the local engines, worker slots of a cluster; None: as many as this machine has cores."""

    master: str | None = None
    """Spark: ``local[*]``, ``spark://host:7077``, ``yarn``, ``k8s://...``. Flink: ``[local]`` or ``host:8081``."""

    beam_flags: tuple[str, ...] = ()
    """Flags for Beam itself, as given after ``--``; they win over ours."""

    pool_port: int = 0
    """Where this machine serves the workers of an engine that is embedded; 0: not yet."""

    wait: bool = True
    """Whether the launcher stays until the job is done."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers: must be positive, got {self.workers}")
        if self.master and self.name not in {"spark", "flink"}:
            raise ValueError(f"master: engine {self.name!r} has none, got {self.master!r}")


def is_embedded(engine: EngineSettings) -> bool:
    """Returns whether Spark or Flink run in their job server: driver and executors are one process."""
    masters = {"spark": r"local(\[.+\])?", "flink": r"\[(local|auto)\]"}.get(engine.name)
    return masters is not None and (not engine.master or re.fullmatch(masters, engine.master) is not None)


def uses_pool(engine: EngineSettings) -> bool:
    """Returns whether the engine's runner is embedded in a job server of ours, and its workers are for us to start."""
    if not is_embedded(engine):
        return False
    others = ("environment_type", "environment_config", "job_endpoint", f"{engine.name}_master", "spark_master_url")
    return all(flag_value(engine, name) is None for name in others)


def flag_value(engine: EngineSettings, name: str) -> str | None:
    """Returns the value of ``--name=value`` or ``--name value`` among Beam's own flags, None where it is absent."""
    flags = engine.beam_flags
    for position, flag in enumerate(flags):
        if flag.startswith(f"--{name}="):
            return flag.split("=", 1)[1]
        if flag == f"--{name}" and position + 1 < len(flags):
            return flags[position + 1]
    return None
