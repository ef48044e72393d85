"""Jobs as files for clusters where one submits a file: a jar of each job's pipeline, and a script that runs them.

A pipeline jar holds the portable pipeline as resources at the places where Beam's ``SparkPipelineRunner`` looks for
them on its class path (``PortablePipelineJarUtils``): some kilobytes. One runner jar beside it serves all jobs.
"""

import json
import pathlib
import shlex
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engines import spark
from pipelines.engines.preflight import jar_problems, named_jar
from pipelines.engines.settings import EngineError, EngineSettings
from pipelines.runs.fingerprint import job_code, lineage_digest, own_digest
from pipelines.runs.job import Job, JobContext
from schemas.recipe import Recipe

PIPELINE_FOLDER = "BEAM-PIPELINE"
PIPELINE_NAME = "pipeline"
RUNNER_JAR = "beam-runner.jar"
SCRIPT = "submit.sh"
STORAGE_LEVEL = "MEMORY_ONLY"
"""What Spark keeps of a collection that is used twice: Beam's own default for its portable runner."""

_OF_SUBMIT = ("--job_server_jvm_properties", "--spark_master_url", "--spark_job_server_jar")
"""Flags for a driver that Beam starts: here it is started by ``spark-submit``, which the script gives the like."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say: the same job gives the same jar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedJob:
    """One job of a package."""

    name: str
    lineage: str
    """What its summary says when it is committed as packaged."""


def write_package(recipe: Recipe, jobs: Sequence[Job], engine: EngineSettings, folder: str) -> list[PackagedJob]:
    """Writes the runner jar, the jar of each job and the script into a folder.

    Args:
        recipe: With ``run`` absolute, where workers see it.
        jobs: All jobs of the line from the first on, in order.
        engine: Spark, with the flags that the pipelines get.
        folder: Made if it is not there; files of an earlier package in it are replaced.

    Raises:
        EngineError: There is no runner jar, or none of a version that this Beam works with.
    """
    runner = runner_jar(engine)
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(runner, target / RUNNER_JAR)
    packaged: dict[str, PackagedJob] = {}
    for job in jobs:
        own = own_digest(job, recipe)
        lineage = lineage_digest(own, {need: packaged[need].lineage for need in job.needs})
        context = JobContext(
            run=recipe.run,
            job=job.name,
            recipe=recipe,
            fingerprint="",
            own=own,
            needs=job.needs,
            lineage=lineage,
            code=job_code(job.name),
        )
        _write_pipeline_jar(target / f"{job.name}.jar", job, context, engine)
        packaged[job.name] = PackagedJob(name=job.name, lineage=lineage)
    _write_script(target / SCRIPT, recipe, list(packaged.values()), engine)
    return list(packaged.values())


def runner_jar(engine: EngineSettings) -> str:
    """Returns the path of Beam's Spark job server jar: the one named, or the released one of Beam's own version.

    Raises:
        EngineError: Neither can be had, or the one named is of a version that this Beam does not work with.
    """
    for problem in jar_problems(engine):
        raise EngineError(problem)
    named = named_jar(engine)
    if named and "://" not in named:
        return named
    from apache_beam.utils.subprocess_server import JavaJarServer

    try:
        url = named or JavaJarServer.path_to_beam_jar(":runners:spark:3:job-server:shadowJar")
        return str(JavaJarServer.local_jar(url))
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"Beam's Spark job server jar cannot be downloaded ({error}): build one by `make job-server` and name it"
            f" in {spark.JAR_VARIABLE}"
        ) from error


def _write_pipeline_jar(path: pathlib.Path, job: Job, context: JobContext, engine: EngineSettings) -> None:
    from google.protobuf import json_format

    pipeline, options = _portable_pipeline(job, context, engine)
    resources = {
        f"{PIPELINE_NAME}/pipeline.json": json_format.MessageToJson(pipeline),
        f"{PIPELINE_NAME}/pipeline-options.json": json_format.MessageToJson(options),
        "pipeline-manifest.json": json.dumps({"defaultJobName": PIPELINE_NAME}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, text in resources.items():
            jar.writestr(zipfile.ZipInfo(f"{PIPELINE_FOLDER}/{name}", _ZIP_TIME), text, zipfile.ZIP_DEFLATED)


def _portable_pipeline(job: Job, context: JobContext, engine: EngineSettings) -> tuple[Any, Any]:
    """Returns the job's pipeline and its options as the protocol buffers that Beam's runners on the JVM take."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.runners.portability.portable_runner import JobServiceHandle, PortableRunner

    from pipelines.engines.flags import beam_flags
    from pipelines.runs.transforms import Commit

    options = PipelineOptions(_of_pipeline(beam_flags(engine)))
    pipeline = beam.Pipeline(options=options)
    _ = job.build(pipeline, context) | "Commit" >> Commit(context, job.unit)
    proto = PortableRunner.get_proto_pipeline(pipeline, options)
    for environment in proto.components.environments.values():
        # Workers have our environment installed: there is nothing to stage.
        del environment.dependencies[:]
    # A class of Python's side, which the JVM would look for in vain; Beam's default storage level depends on it.
    options.view_as(StandardOptions).runner = None
    all_options = options.get_all_options() | {"storage_level": STORAGE_LEVEL}
    return proto, JobServiceHandle.encode_pipeline_options(all_options)


def _of_pipeline(flags: Sequence[str]) -> list[str]:
    """Returns the flags that are not for a driver that Beam starts; a value may be a word of its own."""
    kept: list[str] = []
    is_value = False
    for flag in flags:
        is_dropped = flag.startswith(_OF_SUBMIT) or (is_value and not flag.startswith("--"))
        is_value = flag in _OF_SUBMIT
        if not is_dropped:
            kept.append(flag)
    return kept


def _write_script(path: pathlib.Path, recipe: Recipe, jobs: Sequence[PackagedJob], engine: EngineSettings) -> None:
    template = (pathlib.Path(__file__).with_name("submit.sh.template")).read_text()
    listed = "\n".join(f"  {job.name}:{job.lineage}" for job in jobs)
    conf = "\n".join(f"  --conf {name}={shlex.quote(value)}" for name, value in spark.spark_properties(engine).items())
    values = {"@RUN@": shlex.quote(recipe.run), "@JOBS@": listed, "@CONF@": conf, "@RUNNER@": RUNNER_JAR}
    for mark, value in values.items():
        template = template.replace(mark, value)
    path.write_text(template)
    path.chmod(0o755)
