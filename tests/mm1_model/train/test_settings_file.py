from pathlib import Path

import pytest

from mm1_model.train.__main__ import main
from mm1_model.train.settings_file import load_train_config
from settings.problems import SettingsError

WRONG = """\
version: 1
shards: shards
steps: many
rows_per_step: -4
optimiser: {}
optimizer: {beta2: 1.5, warmup_steps: -1}
guard: {spike: sometimes}
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "train.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_paths_of_the_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    path = written(tmp_path, "version: 1\nshards: ../run/shards\nout: model\nsteps: 5\n")

    config = load_train_config(path, ["model.initial_weights=weights", "model.overrides.connector.kind=mlp"])

    assert config.shards == str(tmp_path.parent / "run" / "shards")
    assert config.out == str(tmp_path / "model")
    assert config.model.initial_weights == "/weights"
    assert config.model.overrides == {"connector.kind": "mlp"}


def test_folders_that_overrides_name_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    path = written(
        tmp_path,
        "version: 1\nshards: shards\nout: model\nsteps: 5\n"
        "model: {overrides: {vision: {model: 'local-dir:clip', frozen: true}}}\n",
    )

    config = load_train_config(path, ["model.overrides.decoder.pretrained=llama"])

    assert config.model.overrides == {
        "vision.model": f"local-dir:{tmp_path}/clip",
        "vision.frozen": True,
        "decoder.pretrained": "/llama",
    }


def test_shards_may_lie_in_an_object_store(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\nshards: gs://bucket/shards\nout: model\nsteps: 5\n")

    assert load_train_config(path).shards == "gs://bucket/shards"


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_train_config(written(tmp_path, WRONG))

    told = {(".".join(map(str, p.path)), p.place.line if p.place else None) for p in caught.value.problems}
    assert {
        ("steps", 3),
        ("optimiser", 5),
        ("optimizer.beta2", 6),
        ("guard.spike", 7),
    } <= told
    assert any(p.path == ("out",) for p in caught.value.problems)


def test_the_command_ends_with_2_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([written(tmp_path, WRONG)])

    error = capsys.readouterr().err
    assert code == 2
    assert "Nothing was trained." in error
    assert "Traceback" not in error
