"""The trainer on shards that ``mix`` wrote, as its users start it: a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mm1_model.data.shard_set import ShardSet
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.service import TextGenerator
from mm1_model.train import files
from mm1_model.train.checkpoint import checkpoint_folder
from mm1_model.train.loop import chain_order
from mm1_model.train.metrics import read_metrics
from mm1_model.train.sums import sample_digest
from tests.pipelines.mix.pools import run_mix, standard_pools

ROOT = Path(__file__).parents[3]

SETTINGS = """\
version: 1
shards: {shards}
out: {out}
steps: 50
rows_per_step: 4
micro_rows: 2
model: {{preset: debug}}
optimizer: {{learning_rate: 2e-3}}
holdout: {{rows: 8, every: 25}}
checkpoint: {{every: 15, keep: 9}}
loader: {{on_damage: {on_damage}}}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 110 rows of generated words and pictures."""
    run = tmp_path_factory.mktemp("run")
    standard_pools(run).write()
    run_mix(run)
    return run / "shards"


@pytest.fixture(scope="module")
def straight(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("straight")
    with started(shards, out) as process:
        assert process.wait(timeout=300) == 0
    return out


class started:  # noqa: N801 - reads as a verb.
    """A trainer's process, ended when the block is left."""

    def __init__(self, shards: Path, out: Path, *, on_damage: str = "stop") -> None:
        settings = out / "train.yaml"
        settings.write_text(SETTINGS.format(shards=shards, out=out / "model", on_damage=on_damage), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mm1_model.train", str(settings)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def lines_until(process: subprocess.Popen[str], step: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"step {step}/"):
            return
    raise AssertionError(f"the trainer ended before step {step}")


def order(out: Path) -> list[tuple[int, str]]:
    return [(line["step"], line["order"]) for line in read_metrics(out / "model" / "metrics.jsonl") if "order" in line]


def assert_same_end(ours: Path, theirs: Path) -> None:
    weights = [
        load_file(checkpoint_folder(out / "model", 50) / "model" / "model.safetensors") for out in (ours, theirs)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
    assert order(ours) == order(theirs)


def test_fifty_steps_learn_something_of_rows_never_seen(straight: Path) -> None:
    losses = [
        line["holdout"]["loss"] for line in read_metrics(straight / "model" / "metrics.jsonl") if "holdout" in line
    ]

    assert len(losses) == 3
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] < losses[0] - 1.0


def test_the_log_proves_the_order_of_the_plan(straight: Path, shards: Path) -> None:
    rows = ShardSet(str(shards))
    num_training = rows.num_rows - 8
    digest = ""
    expected = []
    for step in range(50):
        numbers = [divmod(position, num_training) for position in range(4 * step, 4 * step + 4)]
        found = [rows.order.epoch_row(place, num_training, seed=7, epoch=epoch) for epoch, place in numbers]
        keys = [line.key for row in found for line in rows.lines(row)]
        digest = chain_order(digest, step, sum(sample_digest(key) for key in keys))
        expected.append((step + 1, digest))

    assert order(straight) == expected


def test_the_weights_speak(straight: Path) -> None:
    folder = checkpoint_folder(straight / "model", 50) / "model"

    generator = TextGenerator.load(folder, device="cpu")
    (said,) = generator.generate([generator.prompt("the old dog", [])], SamplingSettings(max_new_tokens=8))

    assert said.text.strip()


def test_kill_minus_nine_costs_nothing_but_time(straight: Path, shards: Path, tmp_path: Path) -> None:
    for step in (7, 33):
        with started(shards, tmp_path) as process:
            lines_until(process, step)
            process.send_signal(signal.SIGKILL)
    with started(shards, tmp_path) as process:
        assert process.wait(timeout=300) == 0

    assert_same_end(tmp_path, straight)


def test_sigterm_saves_and_ends_with_130(straight: Path, shards: Path, tmp_path: Path) -> None:
    with started(shards, tmp_path) as process:
        lines_until(process, 5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 130
    saved = [p.name for p in (tmp_path / "model" / "checkpoints").iterdir()]
    with started(shards, tmp_path) as process:
        assert process.wait(timeout=300) == 0

    assert len(saved) == 1
    assert_same_end(tmp_path, straight)


def test_a_second_trainer_is_sent_away(shards: Path, tmp_path: Path) -> None:
    with files.only_trainer(tmp_path / "model"), started(shards, tmp_path) as process:
        _, error = process.communicate(timeout=120)

    assert process.returncode == 3
    assert "is being written by another trainer" in error


@pytest.fixture
def damaged(shards: Path, tmp_path: Path) -> Path:
    """The shards with one byte of the first sample changed."""
    copy = tmp_path / "damaged"
    shutil.copytree(shards, copy)
    tar = copy / "mix-00000.tar"
    data = bytearray(tar.read_bytes())
    data[600] ^= 1
    tar.write_bytes(data)
    return copy


def test_a_damaged_sample_stops_the_run_and_is_named(damaged: Path, tmp_path: Path) -> None:
    key = ShardSet(str(damaged)).lines(0)[0].key

    with started(damaged, tmp_path) as process:
        _, error = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "mix-00000.tar" in error
    assert key in error
    assert "CRC-32C" in error


def test_a_damaged_sample_may_be_left_out(damaged: Path, tmp_path: Path) -> None:
    with started(damaged, tmp_path, on_damage="skip") as process:
        lines_until(process, 2)

    assert read_metrics(tmp_path / "model" / "metrics.jsonl")[1]["rows"] == [0, 4]
