"""Dataflow: flags that every job needs; project, region, bucket and image are the user's, after ``--``."""

from pipelines.engines.settings import EngineSettings


def dataflow_flags(engine: EngineSettings) -> list[str]:
    """Returns the flags for Dataflow."""
    flags = [
        "--runner=DataflowRunner",
        # Our code is in the worker image; a pickled main session would only drag the launcher's modules along.
        "--no_save_main_session",
        "--labels=program=mm1",
    ]
    if engine.workers:
        flags.append(f"--max_num_workers={engine.workers}")
    return flags
