"""What the Flex template's launcher passes becomes a command that our program takes."""

import json
import pathlib
import re

import click
import pytest

from commands.flex_template import PARAMETERS, run_words
from commands.run import run
from pipelines.jobs import JOB_NAMES

ROOT = pathlib.Path(__file__).parents[2]
METADATA = json.loads((ROOT / "docker" / "flex-template.json").read_text())


def test_parameters_and_flags_are_told_apart() -> None:
    words = run_words(
        [
            "--recipe=gs://lab/web.yaml",
            "--runner=DataflowRunner",
            "--job=fetch",
            "--project=lab",
            "--set=score.min=0.25; seed=3",
            "--template_location=gs://lab/staging/template",
        ]
    )

    assert words == [
        *("run", "gs://lab/web.yaml", "--engine", "dataflow", "--no-wait", "--jobs", "fetch"),
        *("--set", "score.min=0.25", "--set", "seed=3"),
        *("--", "--project=lab", "--template_location=gs://lab/staging/template"),
    ]


def test_the_command_takes_the_words() -> None:
    words = run_words(["--recipe=gs://lab/web.yaml", "--job=mix", "--out=gs://lab/run", "--set=seed=3", "--region=r"])

    context = run.make_context("run", words[1:])

    assert isinstance(run, click.Command)
    assert (context.params["recipe"], context.params["jobs"], context.params["out"]) == (
        "gs://lab/web.yaml",
        "mix",
        "gs://lab/run",
    )
    assert context.params["engine"] == "dataflow"
    assert context.params["no_wait"]
    assert context.params["beam_flags"] == ("--region=r",)


@pytest.mark.parametrize("missing", ["recipe", "job"])
def test_a_missing_parameter_is_named(missing: str) -> None:
    given = [argument for argument in ("--recipe=gs://lab/web.yaml", "--job=fetch") if missing not in argument]

    with pytest.raises(SystemExit, match=missing):
        run_words(given)


def test_the_metadata_describes_the_parameters() -> None:
    described = {parameter["name"]: parameter for parameter in METADATA["parameters"]}

    assert tuple(described) == PARAMETERS
    assert [name for name, parameter in described.items() if not parameter.get("isOptional")] == ["recipe", "job"]
    assert all(re.fullmatch(described["job"]["regexes"][0], name) for name in JOB_NAMES)
    assert not re.fullmatch(described["job"]["regexes"][0], "train")


def test_the_image_starts_the_template() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()

    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/mm1/commands/flex_template.py" in dockerfile
