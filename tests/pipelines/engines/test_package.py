"""Packages: what is in a pipeline jar, and which jobs the script runs. The cluster is a program that notes its call.

Packages run on real Spark in ``tests/integration/test_engines.py``.
"""

import json
import pathlib
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import apache_beam as beam
import pytest
from apache_beam.pvalue import PCollection

from pipelines.engines import spark
from pipelines.engines.package import write_package
from pipelines.engines.settings import EngineError, EngineSettings
from pipelines.runs.job import Job, JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import RunItems, Worker
from schemas.recipe import Recipe
from schemas.summary import WorkReport
from tests.pipelines.upstream import recipe

ENGINE = EngineSettings(name="spark", master="spark-submit", workers=3)

CLUSTER = """#!/usr/bin/env bash
# Notes its call, and commits the job as the pipeline of a package would.
echo "$@" >> {folder}/calls
name=$(printf '%s\\n' "$@" | sed -n 's/^mm1-//p')
[ "$name" != "${{FAILS:-}}" ] || exit 0
mkdir -p {run}/$name
grep "^  $name:" {folder}/package/submit.sh | sed 's/.*:\\(.*\\)/{{"lineage": "\\1"}}/' > {run}/$name/summary.json
"""


class Nothing(Worker[str]):
    def run(self, item: str, output: ItemOutput) -> None:
        output.count("item", n_in=1, n_out=1)


def upstream_parts(context: JobContext) -> list[str]:
    return [path for need in context.needs for path in context.folder.part_paths(need)]


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    reports: PCollection[WorkReport] = root | RunItems(context, Nothing(), upstream_parts)
    return reports


def settings_of(recipe: Recipe) -> Mapping[str, object]:
    return {"min": recipe.score.min}


FIRST = Job(name="first", unit="item", needs=(), settings=lambda recipe: {}, build=build)
SECOND = Job(name="second", unit="item", needs=("first",), settings=settings_of, build=build)
THIRD = Job(name="third", unit="item", needs=("second",), settings=lambda recipe: {}, build=build)
JOBS = [FIRST, SECOND, THIRD]


@pytest.fixture(autouse=True)
def runner_jar(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    jar = job_server(tmp_path, "2.77.0")
    monkeypatch.setenv(spark.JAR_VARIABLE, str(jar))
    return jar


def job_server(folder: pathlib.Path, version: str) -> pathlib.Path:
    """Writes a jar that says its version of Beam where Beam's own do."""
    folder.mkdir(exist_ok=True)
    path = folder / "job-server.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("org/apache/beam/sdk/sdk.properties", f"version={version}\n")
    return path


def package(folder: pathlib.Path, **settings: object) -> Recipe:
    made = recipe(folder / "run", **settings)
    write_package(made, JOBS, ENGINE, str(folder / "package"))
    return made


def submit(folder: pathlib.Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs the script with a cluster that notes its calls in ``folder/calls``."""
    program = folder / "spark" / "bin" / "spark-submit"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(CLUSTER.format(folder=folder, run=folder / "run"))
    program.chmod(0o755)
    (folder / "calls").write_text("")
    script = [str(folder / "package" / "submit.sh"), "--master", "yarn"]
    path = {"PATH": "/usr/bin:/bin", "SPARK_HOME": str(folder / "spark")}
    return subprocess.run(script, env=path | environment, capture_output=True, text=True, timeout=60, check=False)


def called(folder: pathlib.Path) -> list[str]:
    """Returns the jobs that the cluster was given, in order."""
    return [line.split("--name mm1-")[1].split()[0] for line in (folder / "calls").read_text().splitlines()]


def test_a_pipeline_jar_holds_what_beam_looks_for(tmp_path: pathlib.Path, runner_jar: pathlib.Path) -> None:
    package(tmp_path)

    with zipfile.ZipFile(tmp_path / "package" / "second.jar") as jar:
        manifest = json.loads(jar.read("BEAM-PIPELINE/pipeline-manifest.json"))
        pipeline = json.loads(jar.read("BEAM-PIPELINE/pipeline/pipeline.json"))
        options = json.loads(jar.read("BEAM-PIPELINE/pipeline/pipeline-options.json"))
    environments = pipeline["components"]["environments"].values()
    assert manifest == {"defaultJobName": "pipeline"}
    assert {e["urn"] for e in environments} == {"beam:env:process:v1"}
    assert [e for e in environments if "dependencies" in e] == []
    assert options["beam:option:storage_level:v1"] == "MEMORY_ONLY"
    assert (tmp_path / "package" / "beam-runner.jar").read_bytes() == runner_jar.read_bytes()


def test_the_script_runs_the_jobs_in_order_and_once(tmp_path: pathlib.Path) -> None:
    package(tmp_path)

    assert submit(tmp_path).returncode == 0
    assert called(tmp_path) == ["first", "second", "third"]
    call = (tmp_path / "calls").read_text().splitlines()[1]
    assert "--conf spark.default.parallelism=12 " in call
    assert call.endswith(f"--jars {tmp_path}/package/second.jar {tmp_path}/package/beam-runner.jar")

    done = submit(tmp_path)
    assert called(tmp_path) == []
    assert done.stdout.splitlines() == [f"{job.name}: done before" for job in JOBS]


def test_a_job_that_does_not_commit_stops_the_script(tmp_path: pathlib.Path) -> None:
    package(tmp_path)

    done = submit(tmp_path, FAILS="second")

    assert done.returncode == 1
    assert "second: ended without a commit" in done.stderr
    assert called(tmp_path) == ["first", "second"]
    assert submit(tmp_path).returncode == 0
    assert called(tmp_path) == ["second", "third"]


def test_other_settings_run_the_jobs_that_depend_on_them(tmp_path: pathlib.Path) -> None:
    made = package(tmp_path)
    submit(tmp_path)

    package(tmp_path, score=type(made.score)(model=None, pretrained=None, min=0.5))

    assert submit(tmp_path).returncode == 0
    assert called(tmp_path) == ["second", "third"]


def test_what_later_jobs_made_is_withdrawn_before_an_earlier_one_runs(tmp_path: pathlib.Path) -> None:
    package(tmp_path)
    submit(tmp_path)
    (tmp_path / "run" / "first" / "summary.json").unlink()

    submit(tmp_path, FAILS="first")

    assert list((tmp_path / "run").rglob("summary.json")) == []


def test_a_runner_jar_that_is_not_there_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(spark.JAR_VARIABLE, "/nowhere.jar")

    with pytest.raises(
        EngineError, match=r"job server jar /nowhere\.jar does not exist: .* unset MM1_SPARK_JOB_SERVER"
    ):
        package(tmp_path)


def test_a_runner_jar_of_another_beam_is_named(tmp_path: pathlib.Path, runner_jar: pathlib.Path) -> None:
    job_server(tmp_path, "2.40.0")

    with pytest.raises(EngineError, match=r"has Beam 2\.40\.0; this launcher's Beam 2\.77\.0 works with"):
        package(tmp_path)
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("is_one_word", [True, False])
def test_a_runner_jar_given_to_beam_is_taken(tmp_path: pathlib.Path, is_one_word: bool) -> None:
    other = job_server(tmp_path / "other", "2.62.0")
    flags = (f"--spark_job_server_jar={other}",) if is_one_word else ("--spark_job_server_jar", str(other))

    write_package(recipe(tmp_path / "run"), JOBS, replace(ENGINE, beam_flags=flags), str(tmp_path / "package"))

    assert (tmp_path / "package/beam-runner.jar").read_bytes() == other.read_bytes()
    with zipfile.ZipFile(tmp_path / "package/first.jar") as jar:
        assert str(other) not in jar.read("BEAM-PIPELINE/pipeline/pipeline-options.json").decode()
