"""Checkpoints: a folder of safetensors and JSON, whole or absent.

``OUT/checkpoints/step-00000100/`` holds ``model/`` (weights and ``config.json``, loadable on its own), ``optimizer/``
(AdamW's moments), ``training.json`` (everything else that the next step depends on) and ``COMPLETE.json``, written
last: size and sha256 of each file. It is built under a temporary name, synced, then renamed. Nothing in it is a pickle.
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException

from mm1_model.train import files
from mm1_model.train.config import differences
from mm1_model.train.distributed import Ranks
from mm1_model.train.tensor_files import read_into, write_shards, write_whole

FORMAT_VERSION = 1
_COMPLETE = "COMPLETE.json"
_log = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A checkpoint is damaged, or belongs to another run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """What a run is made of. A checkpoint is gone on with only if all of it is the same."""

    settings: Mapping[str, Any]
    """``config.trajectory``: by dotted name, so that a difference can be named."""

    network: Mapping[str, Any]
    """The network's settings, by dotted name."""

    shards: Mapping[str, Any]
    """What names the rows: digests of the manifest and the tokenizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a run stands, besides its tensors. Random numbers need no state: they follow from seed, step and rank."""

    step: int
    """Steps done."""

    updates: int
    """Steps that changed the parameters: ``step`` less those that the guard left out."""

    order_digest: str
    """Running sha256 over the rows of all steps."""

    loss_history: Sequence[float] = ()
    consecutive_skips: int = 0
    totals: Mapping[str, float] = field(default_factory=dict)
    """Sums over the whole run: rows, tokens, images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a checkpoint holds."""

    model: nn.Module
    """Its trainable and frozen parameters are saved whole."""

    optimizer: torch.optim.Optimizer
    """AdamW over the same parameters."""

    network: Mapping[str, Any]
    """``config.json`` of the network."""

    state: TrainingState
    fingerprints: Fingerprints
    extra_files: Mapping[str, bytes] = field(default_factory=dict)
    """What else lies in ``model/``, by name: the tokenizer."""


def checkpoint_folder(out: Path, step: int) -> Path:
    """Returns where the checkpoint after ``step`` steps lies."""
    return out / "checkpoints" / f"step-{step:08d}"


def complete_checkpoints(out: Path) -> list[Path]:
    """Returns the checkpoints that were finished, oldest first. Their content is not checked."""
    folder = out / "checkpoints"
    found = folder.glob("step-*") if folder.is_dir() else ()
    return sorted(p for p in found if p.name[5:].isdigit() and (p / _COMPLETE).is_file())


def save_checkpoint(out: Path, snapshot: Snapshot, *, ranks: Ranks, keep: int) -> Path:
    """Saves a checkpoint and removes all but the newest ``keep``; all ranks must call it.

    Raises:
        OSError: the disk refused; nothing is left of the attempt, and older checkpoints are as they were.
    """
    final = checkpoint_folder(out, snapshot.state.step)
    partial = final.with_name(f"{final.name}.partial")
    problem: str | None = None
    try:
        _write(partial, snapshot, ranks)
    except (OSError, CheckpointException) as error:
        problem = f"{type(error).__name__}: {error}"
    problems = [text for text in ranks.gather(problem) if text]
    if problems:
        _discard(partial, ranks)
        raise OSError(f"checkpoint {final} could not be written: {problems[0]}")
    if ranks.is_main:
        _publish(partial, final)
        remove_old(out, keep=keep)
    ranks.barrier()
    return final


def load_checkpoint(
    folder: Path, *, model: nn.Module, optimizer: torch.optim.Optimizer, fingerprints: Fingerprints
) -> TrainingState:
    """Reads a checkpoint into ``model`` and ``optimizer``; all ranks must call it.

    Raises:
        CheckpointError: it was made with other settings, another network or other shards; each difference is named.
    """
    saved = files.read_json(folder / "training.json")
    _require_same(folder, saved, fingerprints)
    read_into(model_tensors(model), folder / "model")
    read_into(_optimizer_tensors(model, optimizer), folder / "optimizer")
    state = TrainingState(**saved["state"])
    _set_updates(optimizer, state.updates)
    return state


def verify_checkpoint(folder: Path) -> list[str]:
    """Returns what is wrong with the files of a checkpoint, by the digests in ``COMPLETE.json``; nothing if whole."""
    try:
        complete = files.read_json(folder / _COMPLETE)
    except (OSError, ValueError) as error:
        return [str(error)]
    if complete.get("format_version") != FORMAT_VERSION:
        return [f"{folder} has format version {complete.get('format_version')}, this build reads {FORMAT_VERSION}"]
    present = {str(p.relative_to(folder)) for p in files.files_under(folder)} - {_COMPLETE}
    listed = complete["files"]
    problems = [f"{folder / name} is not listed in {_COMPLETE}" for name in sorted(present - set(listed))]
    for name, wanted in sorted(listed.items()):
        problems += _verify_file(folder / name, wanted)
    return problems


def newest_whole_checkpoint(out: Path) -> Path | None:
    """Returns the newest checkpoint whose files are all as they were written; damaged ones are logged."""
    for folder in reversed(complete_checkpoints(out)):
        problems = verify_checkpoint(folder)
        if not problems:
            return folder
        _log.warning("checkpoint %s is damaged, the one before it is used: %s", folder, "; ".join(problems))
    return None


def remove_old(out: Path, *, keep: int) -> None:
    """Removes all but the newest ``keep`` checkpoints, and what earlier attempts left behind."""
    for folder in complete_checkpoints(out)[:-keep]:
        # Renamed first: a reader sees a whole checkpoint or none.
        doomed = folder.with_name(f"{folder.name}.removed")
        folder.rename(doomed)
    remove_leftovers(out)


def remove_leftovers(out: Path) -> None:
    """Removes unfinished and half-removed checkpoints."""
    for pattern in ("step-*.partial", "step-*.removed"):
        for folder in sorted((out / "checkpoints").glob(pattern)):
            shutil.rmtree(folder)


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Returns parameters and persistent buffers by name, shared ones once."""
    tensors: dict[str, Tensor] = dict(model.named_parameters())
    persistent = model.state_dict(keep_vars=True)
    tensors |= {name: buffer for name, buffer in model.named_buffers() if name in persistent}
    return tensors


def prepare_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Creates AdamW's state as its first step would, so that a checkpoint can be read into it."""
    for group in optimizer.param_groups:
        device_step = bool(group.get("fused") or group.get("capturable"))
        for parameter in group["params"]:
            if optimizer.state[parameter]:
                continue
            device = parameter.device if device_step else torch.device("cpu")
            optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=device),
                "exp_avg": torch.zeros_like(parameter, requires_grad=False),
                "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
            }


def _write(partial: Path, snapshot: Snapshot, ranks: Ranks) -> None:
    if ranks.is_main:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "model").mkdir(parents=True)
    ranks.barrier()
    write_whole(model_tensors(snapshot.model), partial / "model")
    write_shards(_optimizer_tensors(snapshot.model, snapshot.optimizer), partial / "optimizer")
    if ranks.is_main:
        _write_descriptions(partial, snapshot)
    ranks.barrier()
    digests = _digests(partial, ranks)
    if ranks.is_main:
        step = snapshot.state.step
        files.write_json(partial / _COMPLETE, {"format_version": FORMAT_VERSION, "step": step, "files": digests})


def _write_descriptions(partial: Path, snapshot: Snapshot) -> None:
    files.write_json(partial / "model" / "config.json", dict(snapshot.network))
    for name, content in snapshot.extra_files.items():
        (partial / "model" / name).write_bytes(content)
    described = {"state": asdict(snapshot.state), "fingerprints": asdict(snapshot.fingerprints)}
    files.write_json(partial / "training.json", described)


def _digests(folder: Path, ranks: Ranks) -> dict[str, dict[str, Any]]:
    # The ranks share the work: hashing hundreds of gigabytes on one would hold up all others.
    mine = sorted(files.files_under(folder))[ranks.rank :: ranks.world_size]
    described = {}
    for path in mine:
        files.sync_file(path)
        described[str(path.relative_to(folder))] = {
            "bytes": path.stat().st_size,
            "sha256": files.sha256_of(path),
        }
    merged: dict[str, dict[str, Any]] = {}
    for part in ranks.gather(described):
        merged |= part
    return dict(sorted(merged.items()))


def _publish(partial: Path, final: Path) -> None:
    for folder in (partial / "model", partial / "optimizer", partial):
        files.sync_folder(folder)
    if final.exists():  # Left by a run whose rank 0 saw it as damaged.
        shutil.rmtree(final)
    partial.rename(final)
    files.sync_folder(final.parent)


def _discard(partial: Path, ranks: Ranks) -> None:
    if ranks.is_main:
        shutil.rmtree(partial, ignore_errors=True)
    ranks.barrier()


def _verify_file(path: Path, wanted: Mapping[str, Any]) -> list[str]:
    if not path.is_file():
        return [f"{path} is missing"]
    size = path.stat().st_size
    if size != wanted["bytes"]:
        return [f"{path} has {size} bytes, must have {wanted['bytes']}"]
    if files.sha256_of(path) != wanted["sha256"]:
        return [f"{path} has another sha256 than when it was written"]
    return []


def _require_same(folder: Path, saved: Mapping[str, Any], fingerprints: Fingerprints) -> None:
    current = json.loads(json.dumps(asdict(fingerprints)))  # As it was stored: tuples become lists.
    differing = [
        line
        for part in ("settings", "network", "shards")
        for line in differences(saved["fingerprints"][part], current[part])
    ]
    if differing:
        raise CheckpointError(
            f"{folder} belongs to another run; set these back, or choose another `out`:\n  " + "\n  ".join(differing)
        )


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in model.named_parameters():
        if parameter in optimizer.state:
            for moment in ("exp_avg", "exp_avg_sq"):
                tensors[f"{name}.{moment}"] = optimizer.state[parameter][moment]
    return tensors


def _set_updates(optimizer: torch.optim.Optimizer, updates: int) -> None:
    for state in optimizer.state.values():
        state["step"].fill_(float(updates))
