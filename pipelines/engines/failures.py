"""What runners say when the engine itself is at fault, as sentences with the cause and what to do."""

import re

from pipelines.engines.settings import EngineSettings
from pipelines.engines.workers import worker_command

_NO_MASTER = re.compile(r"All masters are unresponsive|Cannot call methods on a stopped SparkContext")
"""What Spark says when its three attempts of 20 s to register have had no answer."""

_NO_JAR = re.compile(r"Unable to fetch remote job server jar at (\S+?):? ")
_WORKER_ENDED = re.compile(r"Process died with exit code (\d+)|Cannot run program \"([^\"]+)\"")
_NO_PACKAGE = re.compile(r"No module named '((?:pipelines|schemas|mm1_model|apache_beam)[\w.]*)'")

_OTHER_CODE = re.compile(r"Python workers run another version of this package .+?(?= \[while running|$)", re.MULTILINE)


def engine_failure(engine: EngineSettings, text: str) -> str | None:
    """Returns the sentence for a runner's error that is no fault of the job, None for any other.

    Args:
        engine: As it was run.
        text: All that the runner said.
    """
    if found := _NO_JAR.search(text):
        return (
            f"Beam's job server jar cannot be downloaded from {found[1]}: build one with `make job-server`, and name it"
            f" in MM1_{engine.name.upper()}_JOB_SERVER"
        )
    if engine.master and _NO_MASTER.search(text):
        return f"the {engine.name} master {engine.master} does not answer: start it, or correct --master"
    if found := _NO_PACKAGE.search(text):
        return (
            f"Python workers run in an environment that lacks {found[1]}: install this package there, or name the"
            " mm1-worker of an environment that has it with -- --environment_config"
        )
    if found := _OTHER_CODE.search(text):
        return found[0]
    if found := _WORKER_ENDED.search(text):
        how = f"ended at once with exit code {found[1]}" if found[1] else "cannot be started"
        return (
            f"the program {worker_command(engine)}, which starts Python workers, {how}: install this package at the"
            " same place on every machine, or name its mm1-worker with -- --environment_config"
        )
    return None
