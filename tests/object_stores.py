"""Object stores on loopback, each behind a faulty proxy: an S3 server (moto) and a GCS server (fake-gcs-server)."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

import fsspec
import pytest

from tests.faulty_proxy import FaultyProxy

GCS_SERVER = pathlib.Path(__file__).parents[1] / "build" / "fake-gcs-server"
BUCKET = "lab"
START_LIMIT_S = 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore:
    """A bucket, the proxy before it, and the variables by which clients find it."""

    url: str
    proxy: FaultyProxy
    environment: Mapping[str, str]


@contextlib.contextmanager
def s3_store() -> Iterator[ObjectStore]:
    """Gives an empty bucket of an S3 server."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with FaultyProxy(f"http://{host}:{port}") as proxy:
        environment = {
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            # Drivers are kept in the process, with the address of the server before.
            fsspec.get_filesystem_class("s3").clear_instance_cache()
            yield ObjectStore(url=f"s3://{BUCKET}", proxy=proxy, environment=environment)
    server.stop()


@contextlib.contextmanager
def gcs_store() -> Iterator[ObjectStore]:
    """Gives an empty bucket of a GCS server; skips the test where the server's program is not there."""
    program = shutil.which("fake-gcs-server") or (str(GCS_SERVER) if GCS_SERVER.exists() else None)
    if program is None:
        pytest.skip("GCS was NOT tested: fake-gcs-server is missing; `make gcs-server` builds it with Go")
    port = _free_port()
    with FaultyProxy(f"http://127.0.0.1:{port}") as proxy:
        flags = ["-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory", f"-external-url={proxy.url}"]
        with _process([program, *flags, f"-public-host=127.0.0.1:{port}"]):
            environment = {"STORAGE_EMULATOR_HOST": proxy.url, "FSSPEC_GCS_TOKEN": "anon", "FSSPEC_GS_TOKEN": "anon"}
            _create_bucket(f"http://127.0.0.1:{port}")
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                fsspec.get_filesystem_class("gs").clear_instance_cache()
                yield ObjectStore(url=f"gs://{BUCKET}", proxy=proxy, environment=environment)


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _create_bucket(server: str) -> None:
    """Creates the bucket as soon as the server listens: refused connections are tried again."""
    data = f'{{"name": "{BUCKET}"}}'.encode()
    url = f"{server}/storage/v1/b?project=lab"
    for _ in range(START_LIMIT_S * 20):
        try:
            request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=5).close()
            return
        except urllib.error.URLError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(["sleep", "0.05"], timeout=1, check=False)
    raise RuntimeError(f"fake-gcs-server did not listen at {server} within {START_LIMIT_S} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
