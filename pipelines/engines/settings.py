"""Where and how wide the jobs run. Nothing here may change a byte of the output."""

from dataclasses import dataclass
from typing import Literal

EngineName = Literal["local", "inproc", "spark", "flink", "dataflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The engine of a run."""

    name: EngineName = "local"
    workers: int | None = None
    """Worker processes; None: as many as there are cores."""

    beam_flags: tuple[str, ...] = ()
    """Flags for Beam itself, as given after ``--``; they win over ours."""

    wait: bool = True
    """Whether the launcher stays until the job is done."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers: must be positive, got {self.workers}")
