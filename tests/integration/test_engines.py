"""One run folder, whatever the engine: every file's digest is equal to that of the run in one process."""

import pathlib

import pytest

from tests.integration.lines import SmallWorld, differing, digests, run_line
from tests.integration.spark_cluster import spark_cluster

pytestmark = pytest.mark.engines


@pytest.fixture(scope="session")
def in_process(reference_run: pathlib.Path) -> dict[str, str]:
    """The digests of the run in one process."""
    return digests(reference_run)


@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_an_embedded_engine_gives_the_same_bytes(
    small_world: SmallWorld, in_process: dict[str, str], tmp_path: pathlib.Path, engine: str
) -> None:
    run_line(small_world.recipe, tmp_path / "run", "--engine", engine, "--workers", "2")

    assert differing(digests(tmp_path / "run"), in_process) == []


def test_a_spark_cluster_gives_the_same_bytes(
    small_world: SmallWorld, in_process: dict[str, str], tmp_path: pathlib.Path
) -> None:
    with spark_cluster(tmp_path) as master:
        flags = ["--", "--job_server_jvm_properties=-Dspark.driver.host=127.0.0.1"]
        run_line(
            small_world.recipe, tmp_path / "run", "--engine", "spark", "--master", master, "--workers", "2", *flags
        )

    assert differing(digests(tmp_path / "run"), in_process) == []
