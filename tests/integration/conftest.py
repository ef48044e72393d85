"""Whole runs: a small generated world, made once a session, and the recipe that reads it."""

import pathlib

import pytest

from tests.integration.lines import ROOT, SmallWorld, run_line
from world import WorldConfig, generate


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """A world of 60 pages with the quickstart's recipe beside it."""
    folder = tmp_path_factory.mktemp("world")
    generate(WorldConfig(out=folder / "world", pages=60, seed=5))
    recipe = (ROOT / "recipes" / "quickstart.yaml").read_text()
    path = pathlib.Path(folder / "quickstart.yaml")
    path.write_text(recipe.replace("local-dir:../world", f"local-dir:{ROOT}/world"))
    return SmallWorld(folder=folder, recipe=path)


@pytest.fixture(scope="session")
def reference_run(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The run folder of a run in one process: all others must equal it."""
    out = tmp_path_factory.mktemp("reference") / "run"
    run_line(small_world.recipe, out, "--engine", "inproc")
    return out
