"""Which object runs a pipeline, where Beam's own choice by ``--runner`` is not enough."""

from apache_beam.runners.runner import PipelineRunner

from pipelines.engines.settings import EngineSettings, flag_value


def beam_runner(engine: EngineSettings) -> PipelineRunner | None:
    """Returns the runner of an engine, None for the one that its flags name."""
    if engine.name != "local" or flag_value(engine, "runner"):
        return None
    from pipelines.engines.forking import ForkingRunner

    return ForkingRunner(engine.libraries)
