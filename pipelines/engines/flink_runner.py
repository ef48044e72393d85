"""Flink's runner with one job server for all jobs of a run."""

from typing import ClassVar

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.runners.portability.flink_runner import FlinkRunner
from apache_beam.runners.portability.job_server import JobServer


class OneServerFlinkRunner(FlinkRunner):
    """Beam's own starts a job server, a JVM, for each pipeline, and ends none before the launcher ends."""

    _servers: ClassVar[dict[str, JobServer]] = {}

    def default_job_server(self, options: PipelineOptions) -> JobServer:
        """Returns the job server that an earlier pipeline with the same options of Flink was given, or a new one."""
        key = str(options.view_as(FlinkRunnerOptions))
        if key not in self._servers:
            self._servers[key] = super().default_job_server(options)
        return self._servers[key]
