"""Same input and recipe, same bytes: on any number of workers, with repeated bundles, after kills."""

import pathlib
import signal
import sys

import pytest

from pipelines.jobs import JOB_NAMES
from tests.integration.lines import ROOT, SmallWorld, command, differing, digests, run_line

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def reference(reference_run: pathlib.Path) -> dict[str, str]:
    """The digests of the run in one process."""
    return digests(reference_run)


def test_the_line_leaves_every_contract_behind(reference: dict[str, str]) -> None:
    assert {f"{job}/summary.json" for job in JOB_NAMES} <= set(reference)
    assert {"run.json", "shards/manifest.json", "shards/tokenizer.json", "shards/mix-00000.tar"} <= set(reference)
    assert not [name for name in reference if ".work" in name or "tmp" in name]


@pytest.mark.parametrize(
    "arguments",
    [("--workers", "1"), ("--workers", "2"), ("--workers", "1", "--", "--direct_runner_bundle_repeat=2")],
    ids=["one worker", "two workers", "repeated bundles"],
)
def test_runs_are_byte_identical(
    small_world: SmallWorld, reference: dict[str, str], tmp_path: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    run_line(small_world.recipe, tmp_path / "run", *arguments)

    assert differing(digests(tmp_path / "run"), reference) == []


def test_a_run_killed_in_every_job_ends_in_the_same_bytes(
    small_world: SmallWorld, reference: dict[str, str], tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "run"
    arguments = ["run", str(small_world.recipe), "--out", str(out), "--engine", "inproc"]
    killer = str(ROOT / "tests" / "integration" / "killer.py")

    for job in JOB_NAMES:
        for number in (1, 3):
            died = command([sys.executable, killer, job, str(number), *arguments])

            # A job that publishes fewer files than that is done, and all after it.
            assert died.returncode in {-signal.SIGKILL, 0}, died.stderr[-3000:]
            assert not (out / job / "summary.json").exists() or died.returncode == 0 or number > 1

    run_line(small_world.recipe, out, "--engine", "inproc")
    left = set(out.rglob(".tmp-*"))

    assert differing(digests(out), reference) == []
    assert left == set()
