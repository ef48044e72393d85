"""What an engine needs, checked before anything starts: programs, addresses, paths that workers see, credentials.

Every check is bounded in time and answers with one sentence: the cause, then what to do.
"""

import os
import re
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from importlib import metadata

from pipelines.engines import flink, spark
from pipelines.engines.settings import EngineSettings, flag_value
from pipelines.engines.workers import worker_command
from pipelines.runs import storage

CONNECT_TIMEOUT_S = 5.0
JAVA_TIMEOUT_S = 20.0
JAVA_VERSIONS = (11, 17)
"""What Spark 3.5 and Flink 1.19 run on."""

OLDEST_JOB_SERVER = "2.62.0"
"""The oldest version of Beam's JVM side that the tests run on."""

JAR_PROPERTIES = "org/apache/beam/sdk/sdk.properties"
"""Where Beam's core library says its version."""

SHARED_FILESYSTEMS = re.compile(r"^(nfs4?|cifs|smb3?|lustre|ceph|gpfs|beegfs|glusterfs|9p|afs|fuse\..+)$")


def engine_problems(engine: EngineSettings, paths: Sequence[str]) -> list[str]:
    """Returns what would make a run on this engine fail, one sentence each; empty where nothing is known to be wrong.

    Args:
        engine: The engine and its flags.
        paths: Absolute paths that workers read or write: the run folder, inputs, model files.
    """
    if engine.name in {"spark", "flink"}:
        return [
            *_java(),
            *jar_problems(engine),
            *_master(engine),
            *_worker_program(engine),
            *_unseen_paths(engine, paths),
        ]
    if engine.name == "dataflow":
        return [*_dataflow_flags(engine), *_local_paths(paths), *_image(engine)]
    return []


def _java() -> Iterator[str]:
    advice = f"install a JDK of version {' or '.join(map(str, JAVA_VERSIONS))}"
    java = shutil.which("java")
    if java is None:
        yield f"there is no java on PATH, which the job server needs: {advice}"
        return
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        yield f"{java} -version did not answer within {JAVA_TIMEOUT_S:g} s: {advice}"
        return
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    if match is None or int(match[1]) not in JAVA_VERSIONS:
        found = done.stderr.strip().splitlines()[0] if done.stderr.strip() else "nothing"
        yield f"{java} says {found!r}: {advice}"


def _jar_variable(engine: EngineSettings) -> str:
    return spark.JAR_VARIABLE if engine.name == "spark" else flink.JAR_VARIABLE


def named_jar(engine: EngineSettings) -> str | None:
    """Returns the job server jar that a flag or the environment names, None for the released one of Beam's version."""
    return flag_value(engine, f"{engine.name}_job_server_jar") or os.environ.get(_jar_variable(engine))


def jar_problems(engine: EngineSettings) -> Iterator[str]:
    """Yields why the named job server jar cannot be used: it is not there, or of another version of Beam."""
    variable, given = _jar_variable(engine), named_jar(engine)
    if not given or "://" in given:
        return
    if not os.path.isfile(given):
        yield f"the job server jar {given} does not exist: build it with `make job-server`, or unset {variable}"
        return
    version = beam_version(given)
    ours = metadata.version("apache-beam")
    if version is None or not _numbers(OLDEST_JOB_SERVER) <= _numbers(version) <= _numbers(ours):
        found = f"has Beam {version}" if version else "is no job server of Beam"
        yield (
            f"the jar {given} {found}; this launcher's Beam {ours} works with job servers from {OLDEST_JOB_SERVER} to"
            f" {ours}: build one with `make job-server`, or unset {variable} for the released one"
        )


def beam_version(jar: str) -> str | None:
    """Returns the version of Beam in a job server jar, None for a file that is none."""
    try:
        with zipfile.ZipFile(jar) as archive:
            properties = archive.read(JAR_PROPERTIES).decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return None
    match = re.search(r"^version=(\d+(?:\.\d+)+)", properties, re.MULTILINE)
    return match[1] if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _master(engine: EngineSettings) -> Iterator[str]:
    """Yields a problem for each address of the engine that does not take a connection."""
    master = engine.master or flag_value(engine, "spark_master_url") or flag_value(engine, "flink_master") or ""
    for name, address in (("master", master), ("job server", flag_value(engine, "job_endpoint") or "")):
        match = re.fullmatch(r"(?:[a-z0-9+]+://)*([^:/\[\]]+):(\d+)", address)
        if match is None:
            continue
        host, port = match[1], int(match[2])
        try:
            socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
        except OSError as error:
            where = f"the {engine.name} {name} at {host}:{port}"
            yield f"{where} does not answer ({error}): start it, or correct its address"


def _worker_program(engine: EngineSettings) -> Iterator[str]:
    program = worker_command(engine)
    if _is_here(engine) and program and not os.access(program, os.X_OK):
        yield f"{program} is missing, which starts Python workers: install the package (make install)"


def _unseen_paths(engine: EngineSettings, paths: Sequence[str]) -> Iterator[str]:
    if _is_here(engine):
        return
    for path in paths:
        if not storage.is_remote(path) and not SHARED_FILESYSTEMS.match(filesystem_type(path)):
            yield (
                f"{path} is on a disk of this machine, which workers of {engine.master} do not see: use gs://, s3://, hdfs://"
                " or a shared file system"
            )


def _local_paths(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if not storage.is_remote(path):
            yield f"{path} is a local path, which Dataflow's workers cannot see: put it on gs://"


def _dataflow_flags(engine: EngineSettings) -> Iterator[str]:
    for name, example in (("project", "my-lab"), ("region", "europe-west4"), ("temp_location", "gs://my-lab/tmp")):
        if not flag_value(engine, name):
            yield f"Dataflow needs --{name}: give it after --, for example -- --{name}={example}"
    location = flag_value(engine, "temp_location")
    if location and not re.match(r"^gs://[a-z0-9][a-z0-9._-]{2,}(/|$)", location):
        yield f"--temp_location {location!r} is not a folder of a bucket: give one such as gs://my-lab/tmp"


def _image(engine: EngineSettings) -> Iterator[str]:
    image = flag_value(engine, "sdk_container_image") or ""
    match = re.search(r"beam_python(\d+\.\d+)_sdk:(\d+\.\d+\.\d+)", image)
    ours = ("3.11", metadata.version("apache-beam"))
    if match and match.groups() != ours:
        yield (
            f"the worker image {image} has Python {match[1]} and Beam {match[2]}, this launcher has Python {ours[0]}"
            f" and Beam {ours[1]}: build the image from docker/Dockerfile of this version"
        )


def filesystem_type(path: str) -> str:
    """Returns the type of the file system that ``path`` is or would be on, as ``/proc/mounts`` names it."""
    with open("/proc/mounts") as file:
        mounts = [(fields[1], fields[2]) for fields in map(str.split, file)]
    real = os.path.realpath(path)
    holding = [(mount, kind) for mount, kind in mounts if real == mount or real.startswith(mount.rstrip("/") + "/")]
    return max(holding, key=lambda pair: len(pair[0]))[1] if holding else ""


def _is_here(engine: EngineSettings) -> bool:
    """Returns whether workers run on this machine, so that they see its disks."""
    master = engine.master or ""
    return not master or bool(re.match(r"^(\[?local|\[auto\])", master)) or _is_this_machine(master)


def _is_this_machine(master: str) -> bool:
    host = re.sub(r"^[a-z0-9+]+://", "", master).split(":")[0]
    return host in {"localhost", "127.0.0.1", "::1", socket.gethostname()}
