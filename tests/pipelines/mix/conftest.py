"""A run of the job that tests of many files look at; none of them changes it."""

import pathlib

import pytest

from tests.pipelines.mix.pools import run_mix, standard_pools


@pytest.fixture(scope="session")
def mixed_run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run folder with shards."""
    run = tmp_path_factory.mktemp("mix") / "run"
    standard_pools(run).write()
    run_mix(run)
    return run
