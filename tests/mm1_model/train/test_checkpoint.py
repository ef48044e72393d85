import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mm1_model.train import checkpoint
from mm1_model.train.checkpoint import CheckpointError, Fingerprints, Snapshot, TrainingState
from mm1_model.train.config import OptimizerSettings
from mm1_model.train.distributed import Ranks
from mm1_model.train.optimizer import build_optimizer

ALONE = Ranks(device=torch.device("cpu"))
FINGERPRINTS = Fingerprints(settings={"seed": 0}, network={"decoder.num_layers": 2}, shards={"manifest": "abc"})


def trained(*, seed: int, steps: int = 2) -> tuple[nn.Module, torch.optim.AdamW]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    optimizer = build_optimizer(model, OptimizerSettings(), learning_rate=0.1)
    checkpoint.prepare_optimizer(optimizer)
    for step in range(steps):
        take_step(model, optimizer, step)
    return model, optimizer


def take_step(model: nn.Module, optimizer: torch.optim.AdamW, step: int) -> None:
    optimizer.zero_grad()
    model(torch.full((2, 3), float(step))).sum().backward()
    optimizer.step()


def save(out: Path, *, step: int = 2, seed: int = 1, keep: int = 3, extra: Mapping[str, bytes] | None = None) -> Path:
    model, optimizer = trained(seed=seed)
    state = TrainingState(step=step, updates=2, order_digest="00", loss_history=(0.1, 0.30000000000000004))
    snapshot = Snapshot(
        model=model,
        optimizer=optimizer,
        network={"model_type": "test"},
        state=state,
        fingerprints=FINGERPRINTS,
        extra_files=extra or {},
    )
    return checkpoint.save_checkpoint(out, snapshot, ranks=ALONE, keep=keep)


def test_a_checkpoint_brings_back_parameters_moments_and_state_bit_for_bit(tmp_path: Path) -> None:
    folder = save(tmp_path, seed=1)
    expected, expected_optimizer = trained(seed=1)
    model, optimizer = trained(seed=2)

    state = checkpoint.load_checkpoint(folder, model=model, optimizer=optimizer, fingerprints=FINGERPRINTS)

    assert (state.step, state.updates, tuple(state.loss_history)) == (2, 2, (0.1, 0.30000000000000004))
    take_step(expected, expected_optimizer, 2)
    take_step(model, optimizer, 2)
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_prepared_state_is_what_the_first_step_would_make() -> None:
    plain_model, plain = trained(seed=1, steps=0)
    plain.state.clear()
    take_step(plain_model, plain, 1)
    model, prepared = trained(seed=1, steps=0)
    take_step(model, prepared, 1)

    for ours, theirs in zip(model.parameters(), plain_model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        for key, value in plain.state[theirs].items():
            assert torch.equal(prepared.state[ours][key], value)


def test_the_weights_are_one_plain_safetensors_file(tmp_path: Path) -> None:
    folder = save(tmp_path, seed=1)
    model, _ = trained(seed=1)

    tensors = load_file(folder / "model" / "model.safetensors")

    assert sorted(tensors) == sorted(dict(model.named_parameters()))
    assert torch.equal(tensors["0.weight"], model[0].weight)  # type: ignore[index]


def test_nothing_in_a_checkpoint_is_a_pickle(tmp_path: Path) -> None:
    folder = save(tmp_path, extra={"tokenizer.json": b"{}"})

    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

    assert names == [
        "COMPLETE.json",
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
        "optimizer/model-00001-of-00001.safetensors",
        "training.json",
    ]
    for name in names:
        head = (folder / name).read_bytes()[:9]
        # A JSON object, or a safetensors header: eight bytes of its length, then JSON. Pickles begin with 0x80, zip
        # files (torch.save) with "PK".
        assert head[:1] == b"{" or head[8:9] == b"{"
        assert not head.startswith((b"\x80", b"PK"))


def test_a_flipped_bit_is_found_and_the_checkpoint_before_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older, newer = save(tmp_path, step=1), save(tmp_path, step=2)
    file = newer / "model" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    chosen = checkpoint.newest_whole_checkpoint(tmp_path)

    assert chosen == older
    assert checkpoint.verify_checkpoint(newer) == [f"{file} has another sha256 than when it was written"]
    assert str(newer) in caplog.text


@pytest.mark.parametrize("name", ["model/model.safetensors", "training.json", "COMPLETE.json"])
def test_a_cut_file_is_found(tmp_path: Path, name: str) -> None:
    folder = save(tmp_path)
    file = folder / name
    file.write_bytes(file.read_bytes()[:-3])

    assert checkpoint.newest_whole_checkpoint(tmp_path) is None


def test_a_file_that_was_added_is_found(tmp_path: Path) -> None:
    folder = save(tmp_path)
    (folder / ".metadata").write_bytes(b"\x80\x04.")

    assert checkpoint.verify_checkpoint(folder) == [f"{folder / '.metadata'} is not listed in COMPLETE.json"]


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (replace(FINGERPRINTS, settings={"seed": 1}), "seed: saved 0, now 1"),
        (replace(FINGERPRINTS, network={"decoder.num_layers": 3}), "decoder.num_layers: saved 2, now 3"),
        (replace(FINGERPRINTS, shards={"manifest": "abd"}), "manifest: saved 'abc', now 'abd'"),
    ],
)
def test_another_runs_checkpoint_is_refused_and_the_field_named(tmp_path: Path, other: Fingerprints, line: str) -> None:
    folder = save(tmp_path)
    model, optimizer = trained(seed=2)
    before = [p.clone() for p in model.parameters()]

    with pytest.raises(CheckpointError, match=line):
        checkpoint.load_checkpoint(folder, model=model, optimizer=optimizer, fingerprints=other)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    folder = save(tmp_path)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1), nn.Linear(1, 1))
    optimizer = build_optimizer(model, OptimizerSettings(), learning_rate=0.1)

    with pytest.raises(
        ValueError, match=r"does not hold the tensors of this run: Missing key in checkpoint state_dict: 3\.bias\.$"
    ):
        checkpoint.load_checkpoint(folder, model=model, optimizer=optimizer, fingerprints=FINGERPRINTS)


def test_only_the_newest_are_kept_and_leftovers_go(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "step-00000009.partial").mkdir(parents=True)
    for step in (1, 2, 3):
        save(tmp_path, step=step, keep=2)

    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["step-00000002", "step-00000003"]


def test_a_save_that_fails_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    kept = save(tmp_path, step=1)

    with pytest.raises(OSError, match=r"step-00000002 could not be written: FileNotFoundError"):
        save(tmp_path, step=2, extra={"absent/tokenizer.json": b"{}"})

    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == [kept.name]
    assert checkpoint.verify_checkpoint(kept) == []


def test_a_checkpoint_of_a_later_format_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path)
    complete = json.loads((folder / "COMPLETE.json").read_text(encoding="utf-8"))
    (folder / "COMPLETE.json").write_text(json.dumps({**complete, "format_version": 2}), encoding="utf-8")

    assert checkpoint.verify_checkpoint(folder) == [f"{folder} has format version 2, this build reads 1"]
