"""``init``, ``check`` and ``schema``."""

import json
import pathlib

import pytest

import recipes
from beam_runner import main
from commands.run import job_range

TEXT_ONLY = """\
version: 1
run: run
input: {text: [t.txt]}
fetch: {source: {folder: .}}
score: {model: null}
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("A text.")
    (tmp_path / "r.yaml").write_text(TEXT_ONLY)
    return tmp_path


def test_check_of_a_right_recipe_says_so(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "r.yaml"]) == 0
    assert capsys.readouterr().out == "r.yaml: the recipe is right, and what it needs is there\n"


def test_check_reports_every_mistake_and_writes_nothing(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yaml").write_text(TEXT_ONLY + "seed: one\nmixtur: {vocabulary: 512}\nimages: {min_side: 0}\n")

    assert main(["check", "bad.yaml"]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "bad.yaml:6:1: seed: must be a whole number, got 'one'\n"
        "   6 | seed: one\n"
        "bad.yaml:7:1: mixtur: unknown key, got a table. Did you mean 'mixture'?\n"
        "   7 | mixtur: {vocabulary: 512}\n"
        "bad.yaml:8:10: images.min_side: must be positive, got 0\n"
        "   8 | images: {min_side: 0}\n"
        "3 problems. Nothing was run. `mm1 schema` lists every key.\n"
    )
    assert sorted(path.name for path in folder.iterdir()) == ["bad.yaml", "r.yaml", "t.txt"]


def test_what_is_right_but_not_there_is_exit_code_3(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "r.yaml", "--set", "score.model=local-dir:models/clip"]) == 3
    assert "score.model: " in capsys.readouterr().err


def test_problems_as_json_have_their_place(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "r.yaml", "--json", "--set", "input.text=[u.txt]"]) == 2

    report = json.loads(capsys.readouterr().out)
    assert report["schema_version"] == 1
    assert not report["ok"]
    (problem,) = report["problems"]
    assert problem["path"] == "input.text[0]"
    assert problem["origin"] == "--set input.text=[u.txt]"
    assert "u.txt matches no file" in problem["message"]


def test_check_of_training_settings(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "train.yaml").write_text("shards: run/shards\nout: model\nsteps: 10\nmodel: {preset: 3b}\n")

    assert main(["check", "train.yaml"]) == 2

    printed = capsys.readouterr().err
    assert "train.yaml:4:9: model.preset: must be one of debug, 9M, " in printed
    assert "Did you mean '3B'?" in printed
    assert "run/shards/manifest.json is not there" in printed


def test_init_writes_a_recipe_that_check_can_read(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "web", "-o", "web.yaml"]) == 0
    assert (folder / "web.yaml").read_text() == recipes.text("web")

    assert main(["check", "web.yaml"]) == 2
    assert "crawl/*.warc.gz matches no file" in capsys.readouterr().err


def test_init_overwrites_nothing_unasked(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "web", "-o", "r.yaml"]) == 2
    assert "r.yaml exists; give --force to overwrite it" in capsys.readouterr().err
    assert (folder / "r.yaml").read_text() == TEXT_ONLY

    assert main(["init", "web", "-o", "r.yaml", "--force"]) == 0
    assert (folder / "r.yaml").read_text() == recipes.text("web")


def test_init_names_the_nearest_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "wbe"]) == 2
    assert "no recipe 'wbe'. Did you mean 'web'?" in capsys.readouterr().err


def test_the_schema_validates_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from settings.source import read_text

    assert main(["schema"]) == 0
    validator = jsonschema.Draft202012Validator(json.loads(capsys.readouterr().out))

    for name in recipes.names():
        if not name.startswith("train-"):
            assert list(validator.iter_errors(read_text(recipes.text(name), name).data)) == []


def test_the_schema_describes_every_key_with_its_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    definitions = json.loads(capsys.readouterr().out)["$defs"]
    assert definitions["ImageSettings"]["properties"]["min_side"]["description"] == "Pixels, of the shorter side."
    assert definitions["ImageSettings"]["additionalProperties"] is False


def test_the_schema_as_markdown_has_a_line_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--format", "markdown"]) == 0

    assert "| `max_aspect` | number | `2.0` | Longer side divided by the shorter one. |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        (None, ("interleave", "mix")),
        ("fetch", ("fetch", "fetch")),
        ("fetch..", ("fetch", "mix")),
        ("..dedup", ("interleave", "dedup")),
        ("score..select", ("score", "select")),
    ],
)
def test_a_range_of_jobs(text: str | None, jobs: tuple[str, str]) -> None:
    assert job_range(text) == jobs
