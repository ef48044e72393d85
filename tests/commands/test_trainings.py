"""From rows to training steps and back: ``explain --step``, ``forget``, ``diff``."""

import json
import pathlib
import shutil
from typing import Any

import pytest

from beam_runner import main
from commands.trainings import open_training, rows_of_step, spans, steps_of_rows, trainings_of
from mm1_model.data.loader import TrainingRows
from mm1_model.data.shard_set import ShardSet
from tests.pipelines.mix.pools import read_metas, run_mix, standard_pools

ROWS_PER_STEP, HELD_OUT, STEPS = 4, 5, 40


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("trainings") / "run"
    standard_pools(run, interleaved=20, caption=30, text=8).write()
    run_mix(run)
    return run


@pytest.fixture
def run(mixed: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(mixed, tmp_path / "run")
    return tmp_path / "run"


def write_training(folder: pathlib.Path, shards: pathlib.Path) -> pathlib.Path:
    """Writes what ``mm1 train`` leaves of its settings and steps."""
    folder.mkdir()
    settings = {"shards": str(shards), "rows_per_step": ROWS_PER_STEP, "holdout": {"rows": HELD_OUT}}
    (folder / "settings.json").write_text(json.dumps(settings))
    steps = [{"step": s, "rows": [(s - 1) * ROWS_PER_STEP, s * ROWS_PER_STEP]} for s in range(1, STEPS + 1)]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(step)}\n" for step in [{"step": 0}, *steps]))
    return folder


def rows_of_steps(run: pathlib.Path) -> dict[int, set[int]]:
    """Returns what the loader reads in each step."""
    rows = TrainingRows(ShardSet(str(run)), image_size=16, holdout_rows=HELD_OUT)
    positions = {step: range((step - 1) * ROWS_PER_STEP, step * ROWS_PER_STEP) for step in range(1, STEPS + 1)}
    return {step: {rows.row(position) for position in places} for step, places in positions.items()}


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_rows_of_steps_and_steps_of_rows_are_those_of_the_loader(run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    training = open_training(str(write_training(tmp_path / "model", run / "shards")))
    read = rows_of_steps(run)

    assert training.steps == STEPS
    assert all(set(rows_of_step(str(run), training, step)) == rows for step, rows in read.items())
    for rows in ([0], [3, 7], [1, 2, 11]):
        used = [step for step, held in read.items() if held & set(rows)]
        assert steps_of_rows(str(run), training, rows) == used
    assert len(read) * ROWS_PER_STEP > 2 * ShardSet(str(run)).num_rows  # more than one pass over the rows


@pytest.mark.parametrize("path", ["run", "run/shards"])
def test_trainings_on_the_shards_are_found_beside_them(path: str, run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    write_training(tmp_path / "model", run)
    write_training(tmp_path / "another", tmp_path / "elsewhere")

    assert [pathlib.Path(t.path).name for t in trainings_of(str(tmp_path / path))] == ["model"]


def test_a_step_is_explained_with_pages_and_scores(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_training(tmp_path / "model", run)
    metas, explained = read_metas(run), as_json(capsys, "explain", str(run), "--step", "3")

    assert set(explained["rows"]) == rows_of_steps(run)[3]
    assert isinstance(explained["score_threshold"], float)
    for sample in explained["samples"]:
        meta = metas[sample["key"]]
        assert (sample["url"], sample["scores"]) == (meta["source"]["url"], meta["scores"])


@pytest.mark.parametrize(("models", "why"), [((), "none on these shards lies beside"), (("a", "b"), "several lie")])
def test_a_step_needs_one_training_run(
    models: tuple[str, ...], why: str, run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in models:
        write_training(tmp_path / name, run)

    assert main(["explain", str(run), "--step", "3"]) == 2
    assert why in " ".join(capsys.readouterr().err.split())


def test_a_step_that_was_not_done_is_named(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_training(tmp_path / "model", run)

    assert main(["explain", str(run), "--step", "99"]) == 2
    assert "has no step 99: it has done the steps 1 to 40" in capsys.readouterr().err


def test_forgetting_names_the_steps_that_had_used_it(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_training(tmp_path / "model", run)
    before = rows_of_steps(run)
    report = as_json(capsys, "forget", str(run), "--domain", "site3.example")
    used = [step for step, rows in before.items() if rows & set(report["rows"])]

    assert report["used_by"] == [{"model": str(model), "steps_done": STEPS, "steps": used}]
    assert 0 < len(used) < STEPS
    # What was forgotten is still explained, as such, and a second time there is nothing to forget.
    samples = as_json(capsys, "explain", str(run), "--step", str(used[0]))["samples"]
    assert {s["url"] for s in samples if s["forgotten"]} == {None}
    assert main(["forget", str(run), "--domain", "site3.example"]) == 0
    assert "nothing in" in capsys.readouterr().out


def test_what_was_forgotten_is_a_difference(
    run: pathlib.Path, mixed: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", str(run), "--domain", "site3.example"]) == 0
    assert main(["diff", str(mixed), str(run)]) == 1
    text = capsys.readouterr().out

    assert "shards forgotten caption" in text
    assert "other bytes" in text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([4], "4"),
        ([1, 2, 3, 7, 9, 10], "1-3, 7, 9-10"),
        ([*range(0, 40, 2)], None),
        ([1000, 1001], "1,000-1,001"),
    ],
)
def test_steps_are_written_as_spans(numbers: list[int], text: str | None) -> None:
    assert spans(numbers) == (text if text is not None else "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, and 8 more")
