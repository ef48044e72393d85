"""The three import rules that keep the parts of the project apart."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
OURS = {"schemas", "pipelines", "mm1_model", "world", "commands", "recipes", "beam_runner", "tests", "benchmarks"}
WIRING = {"transform.py", "transforms.py"}
"""Modules that may import Beam anywhere; others may not at all."""

MODELS = ("pipelines/score/", "pipelines/recaption/", "pipelines/imaging/")
"""Folders whose modules hold models and may import torch."""


def imported(path: pathlib.Path) -> Iterator[str]:
    """Yields every module that a file imports, at any depth, but for typing alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def packages(path: pathlib.Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def sources(package: str) -> list[pathlib.Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources("schemas"), ids=name)
def test_schemas_import_nothing_of_the_project(path: pathlib.Path) -> None:
    assert packages(path) & (OURS - {"schemas"} | {"apache_beam", "torch"}) == set()


@pytest.mark.parametrize("path", sources("pipelines"), ids=name)
def test_the_data_jobs_do_not_import_the_model(path: pathlib.Path) -> None:
    assert packages(path) & {"mm1_model", "commands", "beam_runner", "world"} == set()


@pytest.mark.parametrize("path", sources("mm1_model"), ids=name)
def test_the_model_does_not_import_the_data_jobs(path: pathlib.Path) -> None:
    assert packages(path) & {"pipelines", "commands", "beam_runner", "apache_beam", "world"} == set()


@pytest.mark.parametrize(
    "path",
    [p for p in sources("pipelines") if p.name not in WIRING and not name(p).startswith("pipelines/engines/")],
    ids=name,
)
def test_pure_modules_import_neither_beam_nor_torch(path: pathlib.Path) -> None:
    allowed = {"torch"} if name(path).startswith(MODELS) else set()
    if name(path) in {"pipelines/runs/job.py", "pipelines/runs/runner.py"}:
        allowed = {"apache_beam"}  # For type checking alone, and inside the function that runs a pipeline.

    assert packages(path) & {"apache_beam", "torch"} <= allowed


def test_the_rules_see_a_forbidden_import(tmp_path: pathlib.Path) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text("def f():\n    import mm1_model.batch\n    from apache_beam import Map\n")

    assert packages(offender) == {"mm1_model", "apache_beam"}
