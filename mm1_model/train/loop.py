"""The loop: rows to gradients to parameters, step after step, with checkpoints between."""

import contextlib
import hashlib
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import torch

from mm1_model.batch import PackedBatch
from mm1_model.model import MM1
from mm1_model.train.checkpoint import Fingerprints, Snapshot, TrainingState, save_checkpoint
from mm1_model.train.config import TrainConfig
from mm1_model.train.cost import StepCost
from mm1_model.train.distributed import Ranks
from mm1_model.train.feed import Slice, TrainingData, read_ahead
from mm1_model.train.guard import LossGuard
from mm1_model.train.holdout import HoldoutLoss, holdout_loss, holdout_share
from mm1_model.train.interrupt import StopRequest
from mm1_model.train.network import autocast, reshard
from mm1_model.train.optimizer import set_learning_rate
from mm1_model.train.report import StepReport, TrainResult
from mm1_model.train.schedule import learning_rate_share
from mm1_model.train.step import accumulate, gradient_norm, gradients, scale_and_clip
from mm1_model.train.sums import Sums
from schemas.digests import keyed_digest

_log = logging.getLogger(__name__)


class TrainingError(RuntimeError):
    """The run cannot go on; the message names the step and its rows."""


class Trainer:
    """The moving parts of a run. ``run`` takes all steps that are left."""

    def __init__(
        self,
        *,
        config: TrainConfig,
        model: MM1,
        optimizer: torch.optim.AdamW,
        cost: StepCost,
        peak_learning_rate: float,
        data: TrainingData,
        ranks: Ranks,
        state: TrainingState,
        fingerprints: Fingerprints,
        found: Path | None,
    ) -> None:
        self._config = config
        self._model = model
        self._optimizer = optimizer
        self._cost = cost
        self._peak = peak_learning_rate
        self._data = data
        self._ranks = ranks
        self._fingerprints = fingerprints
        self._slice = Slice(
            rows_per_step=config.rows_per_step,
            micro_rows=config.micro_rows,
            rank=ranks.rank,
            world_size=ranks.world_size,
        )
        self._guard = LossGuard(config.guard, history=state.loss_history, consecutive=state.consecutive_skips)
        self.step = state.step
        self._updates = state.updates
        self._order = state.order_digest
        self._saved_at = state.step if found is not None else None
        self._checkpoint = found
        self._last_loss: float | None = None
        self._holdout_first: HoldoutLoss | None = None
        self._holdout_last: HoldoutLoss | None = None

    def run(self, report: Callable[[StepReport], None], request: StopRequest) -> bool:
        """Takes the steps that are left, saving on the way and at the end.

        Returns:
            Whether a request to stop ended the run early, on any rank.

        Raises:
            TrainingError: the guard stopped the run. The last checkpoint is from before the bad steps.
        """
        self._model.train()
        if self.step == 0 and self._data.holdout:
            report(self._before_training())
        with contextlib.closing(self._batches()) as batches:
            return self._take_steps(batches, report, request)

    def _take_steps(
        self, batches: Iterator[PackedBatch], report: Callable[[StepReport], None], request: StopRequest
    ) -> bool:
        while self.step < self._config.steps:
            done, stop = self._take_step(batches, request)
            report(done)
            if stop:
                self._save(must=True)
                return self.step < self._config.steps
            if self.step % self._config.checkpoint.every == 0 and self.step < self._config.steps:
                self._save(must=False)
        self._save(must=True)
        return False

    def result(self, *, resumed_from: int, stopped_by: int | None) -> TrainResult:
        """Returns how the run ended, after ``run``."""
        if self._checkpoint is None:
            raise RuntimeError("the run has no checkpoint yet")
        return TrainResult(
            out=Path(self._config.out),
            steps_done=self.step,
            steps=self._config.steps,
            resumed_from=resumed_from,
            checkpoint=self._checkpoint,
            loss=self._last_loss,
            holdout_first=self._holdout_first,
            holdout_last=self._holdout_last,
            stopped_by=stopped_by,
        )

    def _batches(self) -> Generator[PackedBatch, None, None]:
        loader = self._config.loader
        requests = (
            positions for step in range(self.step, self._config.steps) for positions in self._slice.micro_batches(step)
        )
        return read_ahead(self._ready(self._data.train), requests, workers=loader.workers, ahead=loader.prefetch)

    def _ready(self, read: Callable[[Sequence[int]], PackedBatch]) -> Callable[[Sequence[int]], PackedBatch]:
        # Page-locked on the reader's thread, so that the copy to the device waits for nothing.
        if self._ranks.device.type != "cuda":
            return read
        return lambda places: read(places).pin_memory()

    def _take_step(self, batches: Iterator[PackedBatch], request: StopRequest) -> tuple[StepReport, bool]:
        config, started = self._config, time.monotonic()
        learning_rate = self._peak * learning_rate_share(
            self.step,
            steps=config.steps,
            warmup_steps=config.warmup_steps,
            final_share=config.optimizer.final_share,
        )
        set_learning_rate(self._optimizer, learning_rate)
        # Seeded by place, so that nothing random has to be saved and no earlier step matters.
        torch.manual_seed(int(keyed_digest("train step", f"{config.seed}:{self.step}:{self._ranks.rank}", size=7), 16))
        count = len(self._slice.micro_batches(self.step))
        mine = accumulate(self._model, batches, count, ranks=self._ranks, autocast=autocast(config, self._ranks))
        mine.stop_requests = int(bool(request))
        sums = mine.over_ranks(self._ranks)
        norm, skipped = self._apply(sums)
        self._order = chain_order(self._order, self.step, int(sums.samples_digest))
        self.step += 1
        self._last_loss = sums.mean_loss()
        stop = sums.stop_requests > 0
        return self._report(sums, learning_rate, norm, skipped, time.monotonic() - started, stop=stop), stop

    def _apply(self, sums: Sums) -> tuple[float, str | None]:
        grads = gradients(self._optimizer)
        norm = gradient_norm(grads, loss_tokens=sums.loss_tokens)
        judgement = self._guard.judge(loss=sums.mean_loss(), gradient_norm=norm)
        if judgement.verdict == "take":
            scale_and_clip(grads, loss_tokens=sums.loss_tokens, norm=norm, clip_norm=self._config.optimizer.clip_norm)
            self._optimizer.step()
            self._updates += 1
        self._optimizer.zero_grad(set_to_none=True)
        if judgement.verdict == "stop":
            first, end = self._positions()
            raise TrainingError(
                f"step {self.step + 1} stopped the run: {judgement.reason}. Its rows are {first} to {end - 1} of the"
                " training order; `mm1 explain --step` shows where they come from"
            )
        return norm, judgement.reason

    def _report(
        self, sums: Sums, learning_rate: float, norm: float, skipped: str | None, seconds: float, *, stop: bool
    ) -> StepReport:
        if skipped:
            _log.warning("step %d changed nothing: %s; its rows are %s", self.step, skipped, self._last_positions())
        due = self.step % self._config.holdout.every == 0 or self.step == self._config.steps
        holdout = self._measure_holdout() if due and not stop and self._data.holdout else None
        tokens = sums.loss_tokens or 1
        return StepReport(
            step=self.step,
            steps=self._config.steps,
            loss=sums.mean_loss(),
            loss_by_kind=sums.mean_loss_by_kind(),
            z_loss=sums.z_loss / tokens,
            router_loss=sums.router_loss / tokens,
            learning_rate=learning_rate,
            gradient_norm=norm,
            rows=self._last_positions(),
            tokens=int(sums.tokens),
            loss_tokens=int(sums.loss_tokens),
            images=int(sums.images),
            samples=int(sums.samples),
            flops=self._cost.of_step(sums),
            ranks=self._ranks.world_size,
            order=self._order,
            seconds=seconds,
            wait_seconds=sums.wait_s / self._ranks.world_size,
            skipped=skipped,
            holdout=holdout,
        )

    def _before_training(self) -> StepReport:
        return StepReport(
            step=0,
            steps=self._config.steps,
            loss=math.nan,
            loss_by_kind={},
            z_loss=0.0,
            router_loss=0.0,
            learning_rate=0.0,
            gradient_norm=math.nan,
            rows=(0, 0),
            tokens=0,
            loss_tokens=0,
            images=0,
            samples=0,
            flops=0.0,
            ranks=self._ranks.world_size,
            order=self._order,
            seconds=0.0,
            wait_seconds=0.0,
            holdout=self._measure_holdout(),
        )

    def _measure_holdout(self) -> HoldoutLoss:
        loader = self._config.loader
        share = holdout_share(self._data.holdout, self._ranks, self._config.micro_rows)
        read = read_ahead(
            self._ready(self._data.held_out),
            (rows for rows, _ in share),
            workers=loader.workers,
            ahead=loader.prefetch,
        )
        measured = holdout_loss(
            self._model,
            zip(read, (counts for _, counts in share), strict=True),
            num_rows=len(self._data.holdout),
            ranks=self._ranks,
            autocast=autocast(self._config, self._ranks),
        )
        reshard(self._model)
        self._holdout_first = self._holdout_first or measured
        self._holdout_last = measured
        return measured

    def _save(self, *, must: bool) -> None:
        if self._saved_at == self.step:
            return
        snapshot = Snapshot(
            model=self._model,
            optimizer=self._optimizer,
            network=self._model.config.to_dict(),
            state=self._state(),
            fingerprints=self._fingerprints,
            extra_files=self._data.files,
        )
        try:
            self._checkpoint = save_checkpoint(
                Path(self._config.out), snapshot, ranks=self._ranks, keep=self._config.checkpoint.keep
            )
            self._saved_at = self.step
        except OSError as error:
            if must:
                raise
            _log.warning("training goes on without this checkpoint: %s", error)

    def _state(self) -> TrainingState:
        return TrainingState(
            step=self.step,
            updates=self._updates,
            order_digest=self._order,
            loss_history=tuple(self._guard.history),
            consecutive_skips=self._guard.consecutive,
        )

    def _positions(self) -> tuple[int, int]:
        return self.step * self._config.rows_per_step, (self.step + 1) * self._config.rows_per_step

    def _last_positions(self) -> tuple[int, int]:
        return (self.step - 1) * self._config.rows_per_step, self.step * self._config.rows_per_step


def chain_order(before: str, step: int, samples_digest: int) -> str:
    """Returns the running digest after the samples of ``step`` (from 0)."""
    return hashlib.sha256(f"{before}:{step}:{samples_digest}".encode()).hexdigest()
