"""Runners' words for an engine at fault become one sentence; the fault of a job stays what it is."""

import pytest

from pipelines.engines.failures import engine_failure
from pipelines.engines.settings import EngineSettings
from pipelines.engines.workers import worker_program

CLUSTER = EngineSettings(name="spark", master="spark://host:7077")
OTHER_WORKER = EngineSettings(name="spark", beam_flags=('--environment_config={"command": "/opt/worker"}',))


@pytest.mark.parametrize(
    ("engine", "text", "beginning"),
    [
        (
            CLUSTER,
            "java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.\nThis stopped",
            "the spark master spark://host:7077 does not answer: start it",
        ),
        (
            CLUSTER,
            "Traceback ...\nModuleNotFoundError: No module named 'pipelines.runs'",
            "Python workers run in an environment that lacks pipelines.runs: install this package there",
        ),
        (
            CLUSTER,
            "RuntimeError: x\npipelines.runs.fingerprint.WorkerCodeError: Python workers run another version of this"
            " package than the launcher: install it [while running 'Run-ptransform-12']\nmore",
            "Python workers run another version of this package than the launcher: install it",
        ),
        (
            CLUSTER,
            "java.lang.IllegalStateException: Process died with exit code 127",
            f"the program {worker_program()}, which starts Python workers, ended at once with exit code 127",
        ),
        (
            OTHER_WORKER,
            "Unable to fetch remote job server jar at https://host/a.jar: HTTP Error 404: Not Found. Also failed to",
            "Beam's job server jar cannot be downloaded from https://host/a.jar: build one with `make job-server`, and"
            " name it in MM1_SPARK_JOB_SERVER",
        ),
        (
            OTHER_WORKER,
            'java.io.IOException: Cannot run program "/opt/worker": error=2',
            "the program /opt/worker, which starts Python workers, cannot be started",
        ),
    ],
)
def test_an_engine_at_fault_is_named_with_the_fix(engine: EngineSettings, text: str, beginning: str) -> None:
    told = engine_failure(engine, text)

    assert told is not None
    assert told.startswith(beginning)


@pytest.mark.parametrize("text", ["ValueError: a page of 3 TB", "No module named 'flash_attn'", ""])
def test_another_error_is_not_the_engines(text: str) -> None:
    assert engine_failure(CLUSTER, text) is None


def test_a_stopped_context_without_a_master_is_not_the_masters() -> None:
    assert engine_failure(EngineSettings(name="spark"), "Cannot call methods on a stopped SparkContext") is None
