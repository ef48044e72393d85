"""One run folder, whatever the engine: every file's digest is equal to that of the run in one process."""

import os
import pathlib

import pytest

from pipelines.runs.folder import RunFolder
from tests.integration.lines import SmallWorld, command, differing, digests, mm1, run_line
from tests.integration.matrix import write_matrix
from tests.integration.once import made_once
from tests.integration.spark_cluster import SPARK_HOME, spark_cluster

pytestmark = pytest.mark.engines


@pytest.fixture(scope="session")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with ``matrix.yaml`` and ``run``, its run in one process. To be read only."""

    def make(folder: pathlib.Path) -> None:
        run_line(write_matrix(folder), folder / "run", "--engine", "inproc")

    return made_once(tmp_path_factory, "matrix", make)


def assert_same(matrix: pathlib.Path, run: pathlib.Path) -> None:
    assert differing(digests(run), digests(matrix / "run")) == []


def test_the_reference_has_something_of_everything(matrix: pathlib.Path) -> None:
    folder = RunFolder(str(matrix / "run"))

    counts = {job: folder.committed(job).main() for job in ("interleave", "fetch", "dedup", "score", "select", "mix")}
    assert counts["interleave"].n_out >= 900
    assert [job for job, found in counts.items() if found.n_out == 0] == []
    assert mm1("verify", str(matrix / "run")).returncode == 0


@pytest.mark.parametrize("engine", ["local", "spark", "flink"])
def test_an_engine_on_this_machine_gives_the_same_bytes(
    matrix: pathlib.Path, tmp_path: pathlib.Path, engine: str
) -> None:
    run_line(matrix / "matrix.yaml", tmp_path / "run", "--engine", engine, "--workers", "2")

    assert_same(matrix, tmp_path / "run")


def test_prism_gives_the_same_bytes(matrix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    prism = ["--runner=PrismRunner", f"--prism_location={os.environ['MM1_PRISM']}"]
    run_line(matrix / "matrix.yaml", tmp_path / "run", "--engine", "inproc", "--", *prism)

    assert_same(matrix, tmp_path / "run")


def test_a_spark_cluster_gives_the_same_bytes(matrix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with spark_cluster(tmp_path) as cluster:
        words = ["--engine", "spark", "--master", cluster.url, "--workers", "2"]
        run_line(matrix / "matrix.yaml", tmp_path / "run", *words, "--", cluster.flag)

    assert_same(matrix, tmp_path / "run")


def test_packaged_jobs_give_the_same_bytes(
    small_world: SmallWorld, reference_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    run, package = tmp_path / "run", tmp_path / "package"
    made = mm1("package", str(small_world.recipe), "--out", str(run), "-o", str(package), "--workers", "2")
    assert made.returncode == 0, made.stderr

    done = command([str(package / "submit.sh"), "--master", "local[2]"], env={"SPARK_HOME": str(SPARK_HOME)})
    assert done.returncode == 0, done.stderr[-4000:]
    assert differing(digests(run), digests(reference_run)) == []

    # The script knows what is done, and the launcher takes it for what it would have made itself.
    again = command([str(package / "submit.sh")], env={"SPARK_HOME": "/nowhere"})
    assert again.stdout.count("done before") == 7
    assert "nothing to do: all 7 jobs are committed" in run_line(small_world.recipe, run).stdout
