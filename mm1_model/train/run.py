"""A training run from settings to the last checkpoint."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mm1_model.config import ModelConfig
from mm1_model.data.files import RangedFiles
from mm1_model.data.loader import TrainingRows
from mm1_model.data.shard_set import ShardSet
from mm1_model.train import checkpoint, files
from mm1_model.train.checkpoint import Fingerprints, TrainingState
from mm1_model.train.config import TrainConfig, flatten, trajectory
from mm1_model.train.cost import StepCost
from mm1_model.train.distributed import Ranks, process_group
from mm1_model.train.feed import TrainingData
from mm1_model.train.interrupt import StopRequest, stop_on_signals
from mm1_model.train.loop import Trainer
from mm1_model.train.metrics import MetricsLog
from mm1_model.train.network import make_model, outline, resolve_network, rule_parameters
from mm1_model.train.optimizer import build_optimizer
from mm1_model.train.report import StepReport, TrainResult
from mm1_model.train.schedule import mm1_learning_rate
from mm1_model.weights.folder import TOKENIZER

_log = logging.getLogger(__name__)

_ORIGINS = ("vision.model", "vision.pretrained", "decoder.pretrained")
"""Where first weights came from. A run that goes on has its own, wherever those lie by now."""

OnStep = Callable[[StepReport], None]


def train_on(
    config: TrainConfig, network: ModelConfig, data: TrainingData, *, on_step: OnStep | None = None
) -> TrainResult:
    """Trains ``network`` on ``data``, going on from the newest whole checkpoint in ``config.out`` if there is one.

    Under ``torchrun`` every process calls it; ``on_step`` is called on the main one alone.

    Raises:
        BlockingIOError: another trainer writes to ``config.out``.
        CheckpointError: ``config.out`` holds another run; what differs is named.
        TrainingError: the loss guard stopped the run.
        OSError: the last checkpoint could not be written.
        ValueError: settings and machine do not go together.
    """
    with process_group(config.device) as ranks, _held(Path(config.out), ranks), stop_on_signals() as request:
        devices = [ranks.device] if ranks.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            return _train(config, network, data, ranks, request, on_step=on_step)


def train(config: TrainConfig, *, on_step: OnStep | None = None) -> TrainResult:
    """Trains as ``config`` says: ``train_on`` with the network and the rows that the settings name.

    Raises:
        ShardError: there are no shards at ``config.shards``, or they are damaged.
    """
    shards = ShardSet(config.shards)
    manifest = shards.manifest
    network = resolve_network(
        config.model,
        vocabulary=shards.tokenizer.get_vocab_size(),
        special=shards.special,
        tokens_per_image=manifest.tokens_per_image,
        sequence_length=manifest.sequence_length,
        z_loss=config.optimizer.z_loss,
    )
    return train_on(config, network, open_rows(config, shards, network), on_step=on_step)


def open_rows(config: TrainConfig, shards: ShardSet, network: ModelConfig) -> TrainingData:
    """Returns the rows of ``shards`` as the network takes them.

    Raises:
        ShardError: the held-out rows leave nothing to train on.
    """
    rows = TrainingRows(
        shards,
        image_size=network.vision.image_size,
        holdout_rows=config.holdout.rows,
        on_damage=config.loader.on_damage,
    )
    fingerprint = {
        "shards.manifest_sha256": shards.manifest_sha256,
        "shards.tokenizer_sha256": shards.manifest.tokenizer_sha256,
    }
    tokenizer = RangedFiles(shards.path).read(shards.manifest.tokenizer)
    return TrainingData(
        train=rows.batch,
        held_out=rows.batch_of_rows,
        holdout=rows.holdout(),
        fingerprint=fingerprint,
        files={TOKENIZER: tokenizer},
    )


def _train(
    config: TrainConfig,
    network: ModelConfig,
    data: TrainingData,
    ranks: Ranks,
    request: StopRequest,
    *,
    on_step: OnStep | None,
) -> TrainResult:
    shapes = outline(network)
    peak = config.optimizer.learning_rate or mm1_learning_rate(rule_parameters(shapes))
    model = make_model(network, config, ranks)
    optimizer = build_optimizer(model, config.optimizer, learning_rate=peak)
    checkpoint.prepare_optimizer(optimizer)
    computes = {name: value for name, value in flatten(network.to_dict()).items() if name not in _ORIGINS}
    fingerprints = Fingerprints(settings=trajectory(config), network=computes, shards=data.fingerprint)
    found = ranks.from_main(_newest(Path(config.out)) if ranks.is_main else None)
    state = TrainingState(step=0, updates=0, order_digest="")
    if found is not None:
        state = checkpoint.load_checkpoint(found, model=model, optimizer=optimizer, fingerprints=fingerprints)
        _log.info("going on from %s", found)
    trainer = Trainer(
        config=config,
        model=model,
        optimizer=optimizer,
        cost=StepCost.of(shapes),
        peak_learning_rate=peak,
        data=data,
        ranks=ranks,
        state=state,
        fingerprints=fingerprints,
        found=found,
    )
    # Without a checkpoint even the line from before the first step is written anew.
    steps_done = -1 if found is None else state.step
    with _reporting(config, ranks, steps_done, on_step) as report:
        stopped = trainer.run(report, request)
    return trainer.result(resumed_from=state.step, stopped_by=(request.signal or 0) if stopped else None)


def _newest(out: Path) -> Path | None:
    checkpoint.remove_leftovers(out)
    return checkpoint.newest_whole_checkpoint(out)


@contextlib.contextmanager
def _held(out: Path, ranks: Ranks) -> Iterator[None]:
    """Holds the folder on the main rank; if that fails, it fails on all."""
    with contextlib.ExitStack() as stack:
        problem = None
        if ranks.is_main:
            try:
                stack.enter_context(files.only_trainer(out))
            except OSError as error:
                problem = error
        problem = ranks.from_main(problem)
        if problem is not None:
            raise problem
        yield


@contextlib.contextmanager
def _reporting(config: TrainConfig, ranks: Ranks, steps_done: int, on_step: OnStep | None) -> Iterator[OnStep]:
    if not ranks.is_main:
        yield lambda report: None
        return
    out = Path(config.out)
    with contextlib.ExitStack() as stack:
        chart = stack.enter_context(_tensorboard(out, steps_done)) if config.tensorboard else None
        files.write_json(out / "settings.json", asdict(config))
        log = MetricsLog(out / "metrics.jsonl", steps_done=steps_done)
        stack.callback(log.close)

        def report(step: StepReport) -> None:
            record = step.to_record()
            log.write(record)
            if chart is not None:
                chart(record)
            if on_step is not None:
                on_step(step)

        yield report


@contextlib.contextmanager
def _tensorboard(out: Path, steps_done: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError("tensorboard: the package is not installed; `pip install tensorboard`") from error
    writer = SummaryWriter(str(out / "tensorboard"), purge_step=steps_done + 1)

    def chart(record: Mapping[str, Any]) -> None:
        for name, value in flatten(record).items():
            if isinstance(value, int | float) and name != "step":
                writer.add_scalar(name.replace(".", "/"), value, record["step"])

    try:
        yield chart
    finally:
        writer.close()
