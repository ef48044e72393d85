"""Memory of a run does not grow with its input; and the rows of its large world hold."""

import os
import pathlib
import subprocess

import pytest

from tests.integration.lines import MM1, ROOT
from tests.integration.shard_rows import check_every_row
from world import WorldConfig, generate

pytestmark = pytest.mark.slow

MOST_GROWTH = 1.3
"""Ten times the pages may need so many times the memory."""


def peak_bytes(folder: pathlib.Path, pages: int) -> int:
    """Returns the largest resident size of any process of a run on a world of ``pages`` pages."""
    generate(WorldConfig(out=folder / "world", pages=pages, seed=3, workers=2))
    recipe = folder / "quickstart.yaml"
    text = (ROOT / "recipes" / "quickstart.yaml").read_text()
    recipe.write_text(text.replace("local-dir:../world", f"local-dir:{ROOT}/world"))
    words = [MM1, "run", str(recipe), "--out", str(folder / "run"), "--workers", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, log.read_text()[-3000:]
    return usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, int]:
    """The run of 3,000 pages, and its peak memory in bytes."""
    folder = tmp_path_factory.mktemp("large")
    return folder / "run", peak_bytes(folder, 3_000)


def test_ten_times_the_pages_need_no_more_memory(large: tuple[pathlib.Path, int], tmp_path: pathlib.Path) -> None:
    _, peak = large

    assert peak <= MOST_GROWTH * peak_bytes(tmp_path, 300)


def test_every_row_of_a_large_world_holds_its_images_and_no_other_sample(large: tuple[pathlib.Path, int]) -> None:
    run, _ = large

    assert check_every_row(run) > 100
