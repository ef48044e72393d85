import json
import os
import shutil
import signal
import sys
import threading
import types
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mm1_model.batch import PackedBatch
from mm1_model.config import MoEConfig
from mm1_model.model import build_model
from mm1_model.train import checkpoint
from mm1_model.train.checkpoint import CheckpointError, checkpoint_folder
from mm1_model.train.config import CheckpointSettings, GuardSettings, LoaderSettings, ModelSettings
from mm1_model.train.feed import TrainingData
from mm1_model.train.loop import TrainingError
from mm1_model.train.metrics import read_metrics
from mm1_model.train.report import StepReport
from mm1_model.train.run import train_on
from mm1_model.weights import load_model, save_model
from tests.mm1_model.train import synthetic

NOT_MEASURED = {"seconds", "wait_seconds", "tokens_per_second", "teraflops_per_rank"}


def weights(out: Path, step: int = 10) -> dict[str, Tensor]:
    return load_file(checkpoint_folder(out, step) / "model" / "model.safetensors")


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def metrics(out: Path) -> list[dict[str, object]]:
    return [{k: v for k, v in r.items() if k not in NOT_MEASURED} for r in read_metrics(out / "metrics.jsonl")]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("straight")
    train_on(synthetic.config(out), synthetic.network(), synthetic.data())
    return out


class Killed(BaseException):
    """Stands for a process that ends without a word."""


def killed_at(step: int, out: Path) -> None:
    def kill(report: StepReport) -> None:
        if report.step == step:
            raise Killed

    with pytest.raises(Killed):
        train_on(synthetic.config(out), synthetic.network(), synthetic.data(), on_step=kill)


def test_the_held_out_loss_falls(straight: Path) -> None:
    lines = read_metrics(straight / "metrics.jsonl")
    losses = [line["holdout"]["loss"] for line in lines if "holdout" in line]

    assert [line["step"] for line in lines if "holdout" in line] == [0, 5, 10]
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize(
    "step", [1, 4, 5, 9, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 3, 6, 7, 8))]
)
def test_a_run_killed_at_any_step_ends_in_the_same_bits(straight: Path, tmp_path: Path, step: int) -> None:
    killed_at(step, tmp_path)

    result = train_on(synthetic.config(tmp_path), synthetic.network(), synthetic.data())

    assert result.resumed_from == (step - 1) // 4 * 4
    assert same(weights(tmp_path), weights(straight))
    assert metrics(tmp_path) == metrics(straight)


def test_a_run_killed_while_it_saves_ends_in_the_same_bits(
    straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = checkpoint._publish

    def kill(partial: Path, final: Path) -> None:
        if final.name.endswith("8"):
            raise Killed
        publish(partial, final)

    monkeypatch.setattr(checkpoint, "_publish", kill)
    with pytest.raises(Killed):
        train_on(synthetic.config(tmp_path), synthetic.network(), synthetic.data())
    monkeypatch.undo()
    left = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())

    result = train_on(synthetic.config(tmp_path), synthetic.network(), synthetic.data())

    assert left == ["step-00000004", "step-00000008.partial"]
    assert result.resumed_from == 4
    assert same(weights(tmp_path), weights(straight))


def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()

    train_on(synthetic.config(tmp_path, steps=1), synthetic.network(), synthetic.data())

    assert torch.equal(torch.get_rng_state(), before)


def test_experts_are_balanced_and_their_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    network = replace(synthetic.network(), moe=MoEConfig(num_experts=4, every=2))

    def ask(report: StepReport) -> None:
        if report.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    train_on(synthetic.config(tmp_path / "straight"), network, synthetic.data())
    train_on(synthetic.config(tmp_path / "stopped"), network, synthetic.data(), on_step=ask)
    train_on(synthetic.config(tmp_path / "stopped"), network, synthetic.data())

    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "straight"))
    # Even loads give a balance loss of 1, times its weight of 0.01; the router z-loss adds a little.
    (first,) = [line for line in read_metrics(tmp_path / "straight" / "metrics.jsonl") if line["step"] == 1]
    assert 0.009 < first["router_loss"] < 0.03


def test_charts_hold_the_numbers_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            drawn.append((folder, 0.0, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            drawn.append((name, value, step))

        def close(self) -> None:
            drawn.append(("closed", 0.0, 0))

    package = types.ModuleType("torch.utils.tensorboard")
    package.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", package)

    train_on(synthetic.config(tmp_path, steps=2, tensorboard=True), synthetic.network(), synthetic.data())

    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert drawn[0] == (str(tmp_path / "tensorboard"), 0.0, 0)
    assert ("loss", lines[2]["loss"], 2) in drawn
    assert ("holdout/loss_by_kind/text", lines[0]["holdout"]["loss_by_kind"]["text"], 0) in drawn
    assert drawn[-1] == ("closed", 0.0, 0)


def test_bfloat16_arithmetic_learns_and_keeps_float32_parameters(tmp_path: Path) -> None:
    result = train_on(synthetic.config(tmp_path, dtype="bfloat16"), synthetic.network(), synthetic.data())

    assert result.holdout_first is not None
    assert result.holdout_last is not None
    assert result.holdout_last.loss < result.holdout_first.loss - 0.5
    assert {tensor.dtype for tensor in weights(tmp_path).values()} == {torch.float32}


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    before = threading.active_count()

    config = synthetic.config(
        tmp_path, loader=LoaderSettings(workers=3, prefetch=8), guard=GuardSettings(non_finite="stop")
    )
    with pytest.raises(TrainingError):
        train_on(config, synthetic.network(), replace(synthetic.data(), train=lambda numbers: poisoned(8).train([8])))

    assert threading.active_count() == before


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    with pytest.raises(ValueError, match="tensorboard: the package is not installed"):
        train_on(synthetic.config(tmp_path, tensorboard=True), synthetic.network(), synthetic.data())


def test_a_signal_saves_and_the_next_run_ends_in_the_same_bits(straight: Path, tmp_path: Path) -> None:
    def ask(report: StepReport) -> None:
        if report.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = train_on(synthetic.config(tmp_path), synthetic.network(), synthetic.data(), on_step=ask)
    result = train_on(synthetic.config(tmp_path), synthetic.network(), synthetic.data())

    assert (stopped.steps_done, stopped.stopped_by, stopped.is_complete) == (6, signal.SIGTERM, False)
    assert (result.resumed_from, result.is_complete) == (6, True)
    assert same(weights(tmp_path), weights(straight))
    assert metrics(tmp_path) == metrics(straight)


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_of_the_reader_change_nothing(straight: Path, tmp_path: Path, workers: int) -> None:
    config = synthetic.config(tmp_path, loader=LoaderSettings(workers=workers, prefetch=4))

    train_on(config, synthetic.network(), synthetic.data())

    assert same(weights(tmp_path), weights(straight))
    assert metrics(tmp_path) == metrics(straight)


def test_micro_batches_change_rounding_alone(straight: Path, tmp_path: Path) -> None:
    train_on(synthetic.config(tmp_path, micro_rows=6), synthetic.network(), synthetic.data())

    ours, theirs = weights(tmp_path), weights(straight)
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-4)


def test_a_finished_run_takes_no_step_again(straight: Path, tmp_path: Path) -> None:
    shutil.copytree(straight, tmp_path / "run")
    seen: list[StepReport] = []

    result = train_on(synthetic.config(tmp_path / "run"), synthetic.network(), synthetic.data(), on_step=seen.append)

    assert (seen, result.steps_done, result.resumed_from) == ([], 10, 10)


def test_a_damaged_checkpoint_costs_its_steps_and_nothing_else(
    straight: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(straight, tmp_path / "run")
    file = checkpoint_folder(tmp_path / "run", 10) / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])

    result = train_on(synthetic.config(tmp_path / "run"), synthetic.network(), synthetic.data())

    assert result.resumed_from == 8
    assert same(weights(tmp_path / "run"), weights(straight))
    assert "step-00000010 is damaged" in caplog.text


def test_another_run_is_not_gone_on_with(straight: Path) -> None:
    with pytest.raises(CheckpointError, match="seed: saved 0, now 1"):
        train_on(synthetic.config(straight, seed=1), synthetic.network(), synthetic.data())
    with pytest.raises(CheckpointError, match="manifest: saved 'made up', now 'others'"):
        train_on(
            synthetic.config(straight),
            synthetic.network(),
            replace(synthetic.data(), fingerprint={"manifest": "others"}),
        )
    network = synthetic.network()
    other = replace(network, decoder=replace(network.decoder, rope_theta=5000.0))
    with pytest.raises(CheckpointError, match=r"decoder\.rope_theta: saved 10000\.0, now 5000"):
        train_on(synthetic.config(straight), other, synthetic.data())


def test_the_loss_is_that_of_the_network_on_the_rows(straight: Path, tmp_path: Path) -> None:
    lines = metrics(straight)
    holdout = [synthetic.batch_of([number]) for number in range(10_000, 10_005)]
    model = load_model(checkpoint_folder(straight, 10) / "model")

    with torch.no_grad():
        outputs = [model(batch) for batch in holdout]
    total = sum(float(o.cross_entropy_sum) for o in outputs) / sum(int(o.num_loss_tokens) for o in outputs)
    text = [float(o.cross_entropy_sum) for o, b in zip(outputs, holdout, strict=True) if b.kinds[0] == "text"]
    text_tokens = [int(o.num_loss_tokens) for o, b in zip(outputs, holdout, strict=True) if b.kinds[0] == "text"]

    last = lines[-1]["holdout"]
    assert isinstance(last, dict)
    assert last["loss"] == pytest.approx(total, rel=1e-6)
    assert last["loss_by_kind"]["text"] == pytest.approx(sum(text) / sum(text_tokens), rel=1e-6)


def test_the_log_says_what_each_step_was_made_of(straight: Path) -> None:
    line = metrics(straight)[2]
    batch = synthetic.batch_of(range(6, 12))

    assert line["step"] == 2
    assert line["rows"] == [6, 12]
    assert (line["tokens"], line["images"], line["samples"]) == (batch.num_tokens, batch.num_images, batch.num_samples)
    assert line["loss_tokens"] == int(batch.loss_mask_T.sum())
    # One warm-up step of ten; then 0.01 (0.1 + 0.45 (1 + cos(pi / 9))).
    assert line["learning_rate"] == pytest.approx(0.01 * (0.1 + 0.45 * 1.9396926), rel=1e-6)


def poisoned(number: int) -> TrainingData:
    """Rows of which one has no position with a loss, so that its mean is NaN."""

    def read(numbers: Sequence[int]) -> PackedBatch:
        batch = synthetic.batch_of(numbers)
        if number in numbers:
            batch.loss_mask_T.fill_(False)
        return batch

    return replace(synthetic.data(), train=read)


def test_a_step_without_any_loss_changes_nothing_and_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = synthetic.config(tmp_path, rows_per_step=1, micro_rows=1, steps=3)

    train_on(config, synthetic.network(), replace(poisoned(1), holdout=range(0)))

    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["skipped"] is None for line in lines] == [True, False, True]
    assert lines[1]["loss"] is None
    state = json.loads((checkpoint_folder(tmp_path, 3) / "training.json").read_text(encoding="utf-8"))["state"]
    assert (state["step"], state["updates"]) == (3, 2)
    assert "step 2 changed nothing: the loss is nan; its rows are (1, 2)" in caplog.text


def test_one_nan_costs_one_step_and_no_parameter(tmp_path: Path) -> None:
    network = synthetic.network()
    model = build_model(network, seed=0)
    with torch.no_grad():
        model.decoder.embedding.weight[63] = torch.nan  # A token that only the poisoned row has.
    save_model(model, tmp_path / "weights")

    def read(numbers: Sequence[int]) -> PackedBatch:
        batch = synthetic.batch_of(numbers)
        if 1 in numbers:
            batch.tokens_T[-2] = 63
        return batch

    config = synthetic.config(
        tmp_path / "out",
        rows_per_step=1,
        micro_rows=1,
        steps=3,
        checkpoint=CheckpointSettings(every=1, keep=10),
        model=ModelSettings(initial_weights=str(tmp_path / "weights")),
    )
    train_on(config, network, replace(synthetic.data(), train=read, holdout=range(0)))

    first, second, third = (weights(tmp_path / "out", step) for step in (1, 2, 3))
    same_twice = {name for name in first if torch.equal(first[name].nan_to_num(), second[name].nan_to_num())}
    still_same = {name for name in first if torch.equal(second[name].nan_to_num(), third[name].nan_to_num())}
    assert same_twice == set(first)
    assert still_same == set()
    assert [line["skipped"] for line in read_metrics(tmp_path / "out" / "metrics.jsonl")] == [
        None,
        "the loss is nan",
        None,
    ]


def test_the_guard_stops_the_run_and_names_the_rows(tmp_path: Path) -> None:
    config = synthetic.config(tmp_path, rows_per_step=2, guard=GuardSettings(non_finite="stop"))
    data = replace(
        synthetic.data(), train=lambda numbers: poisoned(8).train([8] if 8 in numbers or 9 in numbers else numbers)
    )

    with pytest.raises(TrainingError, match=r"step 5 stopped the run: the loss is nan\. Its rows are 8 to 9"):
        train_on(config, synthetic.network(), data)

    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]


def test_an_error_of_the_reader_ends_the_run_where_it_happens(tmp_path: Path) -> None:
    def read(numbers: Sequence[int]) -> PackedBatch:
        if 13 in numbers:
            raise ValueError("row 13 is damaged")
        return synthetic.batch_of(numbers)

    seen: list[int] = []
    with pytest.raises(ValueError, match="row 13 is damaged"):
        train_on(
            synthetic.config(tmp_path, loader=LoaderSettings(workers=2, prefetch=8)),
            synthetic.network(),
            replace(synthetic.data(), train=read),
            on_step=lambda report: seen.append(report.step),
        )

    assert seen == [0, 1, 2]
