"""What an engine lacks is said in one sentence with the cause and the fix."""

import pathlib
import socket
import zipfile

import pytest

from pipelines.engines.flags import beam_flags
from pipelines.engines.preflight import engine_problems, filesystem_type
from pipelines.engines.settings import EngineSettings

DATAFLOW = ("--project=lab", "--region=europe-west4", "--temp_location=gs://lab-bucket/tmp")


@pytest.fixture
def java(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A PATH with one program, ``java``, that says what the test writes into it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return say(tmp_path, 'openjdk version "17.0.15" 2025-04-15')


def say(folder: pathlib.Path, version: str) -> pathlib.Path:
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
    program.chmod(0o755)
    return program


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_machine_with_java_17_runs_embedded_spark(java: pathlib.Path) -> None:
    assert engine_problems(EngineSettings(name="spark"), ["/tmp/run"]) == []


@pytest.mark.parametrize(("version", "found"), [('openjdk version "1.8.0_402"', "1.8"), ("cannot execute", "cannot")])
def test_another_java_is_named(java: pathlib.Path, version: str, found: str) -> None:
    say(java.parent, version)

    (problem,) = engine_problems(EngineSettings(name="flink"), [])

    assert found in problem
    assert problem.endswith("install a JDK of version 11 or 17")


def test_no_java_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert engine_problems(EngineSettings(name="spark"), []) == [
        "there is no java on PATH, which the job server needs: install a JDK of version 11 or 17"
    ]


def test_a_master_that_does_not_answer_is_named(java: pathlib.Path) -> None:
    port = closed_port()

    (problem,) = engine_problems(EngineSettings(name="spark", master=f"spark://127.0.0.1:{port}"), ["/tmp/run"])

    assert problem.startswith(f"the spark master at 127.0.0.1:{port} does not answer (")
    assert problem.endswith("start it, or correct its address")


def test_a_missing_job_server_is_named(java: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM1_FLINK_JOB_SERVER", "/nowhere/server.jar")

    assert engine_problems(EngineSettings(name="flink"), []) == [
        "the job server jar /nowhere/server.jar does not exist: build it with `make job-server`,"
        " or unset MM1_FLINK_JOB_SERVER"
    ]


def test_local_paths_are_refused_for_a_cluster_elsewhere(java: pathlib.Path) -> None:
    engine = EngineSettings(name="spark", master="yarn-cluster.example")

    (problem,) = engine_problems(engine, [str(java.parent), "s3://lab/run"])

    assert problem.startswith(f"{java.parent} is on a disk of this machine")


def test_dataflow_names_all_that_is_missing() -> None:
    problems = engine_problems(EngineSettings(name="dataflow"), ["/data/run", "gs://lab/pages"])

    assert [problem.split(":")[0] for problem in problems] == [
        "Dataflow needs --project",
        "Dataflow needs --region",
        "Dataflow needs --temp_location",
        "/data/run is a local path, which Dataflow's workers cannot see",
    ]


def test_dataflow_with_everything_has_no_problem() -> None:
    assert engine_problems(EngineSettings(name="dataflow", beam_flags=DATAFLOW), ["gs://lab/run"]) == []


def test_an_image_of_another_beam_is_named() -> None:
    flags = (*DATAFLOW, "--sdk_container_image=apache/beam_python3.10_sdk:2.60.0")

    (problem,) = engine_problems(EngineSettings(name="dataflow", beam_flags=flags), [])

    assert "has Python 3.10 and Beam 2.60.0, this launcher has Python 3.11 and Beam 2.77.0" in problem


def test_a_bucket_that_is_none_is_named() -> None:
    flags = (*DATAFLOW[:2], "--temp_location=/tmp")

    (problem,) = engine_problems(EngineSettings(name="dataflow", beam_flags=flags), [])

    assert problem.startswith("--temp_location '/tmp' is not a folder of a bucket")


def test_the_filesystem_of_proc_is_proc() -> None:
    assert filesystem_type("/proc/self/status") == "proc"


def test_the_users_flags_win_over_ours() -> None:
    engine = EngineSettings(name="spark", workers=3, beam_flags=("--sdk_worker_parallelism=7", "--experiments=a"))

    flags = beam_flags(engine)

    assert [flag for flag in flags if flag.startswith("--sdk_worker_parallelism")] == ["--sdk_worker_parallelism=7"]
    assert "--spark_master_url=local[3]" in flags
    assert "--job_server_jvm_properties=-Dspark.default.parallelism=12" in flags


def test_a_master_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="master: engine 'local' has none, got 'spark://a:7077'"):
        EngineSettings(name="local", master="spark://a:7077")


def job_server(folder: pathlib.Path, version: str | None) -> str:
    """Writes a jar that says its version of Beam where Beam's own do, and returns its path."""
    path = folder / "job-server.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        if version:
            jar.writestr("org/apache/beam/sdk/sdk.properties", f"# SDK source version\nversion={version}\n")
    return str(path)


@pytest.mark.parametrize(
    ("version", "found"),
    [("2.40.0", "has Beam 2.40.0"), ("2.100.0", "has Beam 2.100.0"), (None, "is no job server of Beam")],
)
def test_a_job_server_of_another_beam_is_named(
    java: pathlib.Path, tmp_path: pathlib.Path, version: str | None, found: str
) -> None:
    jar = job_server(tmp_path, version)
    engine = EngineSettings(name="spark", beam_flags=(f"--spark_job_server_jar={jar}",))

    (problem,) = engine_problems(engine, [])

    assert problem.startswith(f"the jar {jar} {found}; this launcher's Beam 2.77.0 works with job servers from 2.62.0")


@pytest.mark.parametrize("version", ["2.62.0", "2.77.0"])
def test_a_job_server_of_a_known_beam_is_taken(java: pathlib.Path, tmp_path: pathlib.Path, version: str) -> None:
    jar = job_server(tmp_path, version)

    assert engine_problems(EngineSettings(name="spark", beam_flags=(f"--spark_job_server_jar={jar}",)), []) == []


def test_a_worker_program_that_is_not_there_is_named(java: pathlib.Path) -> None:
    engine = EngineSettings(name="flink", beam_flags=('--environment_config={"command": "/nowhere/mm1-worker"}',))

    (problem,) = engine_problems(engine, [])

    assert problem.startswith("/nowhere/mm1-worker is missing, which starts Python workers")


def test_properties_of_the_job_server_add_to_ours() -> None:
    given = "--job_server_jvm_properties=-Dspark.driver.host=127.0.0.1"

    flags = beam_flags(EngineSettings(name="spark", master="spark://host:7077", beam_flags=(given,)))

    properties = [flag for flag in flags if flag.startswith("--job_server_jvm_properties=")]
    assert properties[-1] == given
    assert any("spark.network.timeout" in flag for flag in properties)
