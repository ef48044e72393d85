"""Flink's runner: one job server for all jobs of a run."""

from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.engines.flags import beam_flags
from pipelines.engines.runners import beam_runner
from pipelines.engines.settings import EngineSettings


def server(master: str) -> object:
    """Returns the job server that a pipeline for a master is given; none is started."""
    engine = EngineSettings(name="flink", master=master)
    runner = beam_runner(engine)
    assert runner is not None
    return runner.default_job_server(PipelineOptions(beam_flags(engine)))


def test_jobs_for_one_master_share_a_job_server() -> None:
    assert server("one:8081") is server("one:8081")
    assert server("one:8081") is not server("other:8081")
