"""Whole runs: a small generated world, made once for all test processes, and the recipe that reads it."""

import pathlib

import pytest

from tests.integration.lines import ROOT, SmallWorld, run_line
from tests.integration.once import made_once
from world import WorldConfig, generate


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """A world of 60 pages with the quickstart's recipe beside it. To be read only."""
    folder = made_once(tmp_path_factory, "world", _make_world)
    return SmallWorld(folder=folder, recipe=folder / "quickstart.yaml")


def _make_world(folder: pathlib.Path) -> None:
    generate(WorldConfig(out=folder / "world", pages=60, seed=5))
    recipe = (ROOT / "recipes" / "quickstart.yaml").read_text()
    (folder / "quickstart.yaml").write_text(recipe.replace("local-dir:../world", f"local-dir:{ROOT}/world"))


@pytest.fixture(scope="session")
def reference_run(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The run folder of a run in one process: all others must equal it. To be read only; copy it to change it."""

    def make(folder: pathlib.Path) -> None:
        run_line(small_world.recipe, folder / "run", "--engine", "inproc")

    return made_once(tmp_path_factory, "reference", make) / "run"
