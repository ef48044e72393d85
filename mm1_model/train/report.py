"""What a step, and a run, tell the outside."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mm1_model.train.holdout import HoldoutLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One optimizer step: a line of ``metrics.jsonl``."""

    step: int
    """Steps done, this one included. 0: before training, for the held-out loss alone."""

    steps: int
    """Steps of the whole run."""

    loss: float
    """Nats a text token, of the cross-entropy alone; NaN if the step has none."""

    loss_by_kind: dict[str, float]
    z_loss: float
    router_loss: float
    learning_rate: float
    gradient_norm: float
    """Before clipping."""

    rows: tuple[int, int]
    """First position of the step in the endless order of training rows, and the one after its last."""

    tokens: int
    """Positions of text and images, all ranks."""

    loss_tokens: int
    images: int
    samples: int
    flops: float
    """Operations of forward and backward on all ranks: tower, connector and decoder over the real lengths."""

    ranks: int
    order: str
    """Running sha256 over the samples of all steps: the proof of what was trained on, and in which order."""

    seconds: float
    wait_seconds: float
    """Mean over the ranks of the time spent waiting for rows."""

    skipped: str | None = None
    """Why the step changed nothing; None where it did."""

    holdout: HoldoutLoss | None = None

    def to_record(self) -> dict[str, Any]:
        """Returns the line of ``metrics.jsonl``; a number that JSON does not know is null."""
        record: dict[str, Any] = {"step": self.step}
        if self.tokens:
            record |= {
                "loss": self.loss,
                "loss_by_kind": self.loss_by_kind,
                "z_loss": self.z_loss,
                "router_loss": self.router_loss,
                "learning_rate": self.learning_rate,
                "gradient_norm": self.gradient_norm,
                "rows": list(self.rows),
                "tokens": self.tokens,
                "loss_tokens": self.loss_tokens,
                "images": self.images,
                "samples": self.samples,
                "order": self.order,
                "seconds": round(self.seconds, 4),
                "wait_seconds": round(self.wait_seconds, 4),
                "tokens_per_second": _rate(self.tokens, self.seconds),
                "teraflops_per_rank": _rate(self.flops / 1e12 / self.ranks, self.seconds),
                "skipped": self.skipped,
            }
        if self.holdout is not None:
            record["holdout"] = {
                "loss": self.holdout.loss,
                "loss_by_kind": self.holdout.by_kind,
                "rows": self.holdout.rows,
            }
        finite: dict[str, Any] = _finite(record)
        return finite


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """How a run ended."""

    out: Path
    steps_done: int
    steps: int
    resumed_from: int
    """Steps that were done already; 0 for a new run."""

    checkpoint: Path
    """The last one. ``checkpoint / "model"`` holds the weights."""

    loss: float | None
    """Of the last step taken here."""

    holdout_first: HoldoutLoss | None
    """Before the first step taken here, if it was measured."""

    holdout_last: HoldoutLoss | None
    stopped_by: int | None = None
    """Number of the signal that ended the run early."""

    @property
    def is_complete(self) -> bool:
        """Whether all steps are done."""
        return self.steps_done == self.steps


def _rate(amount: float, seconds: float) -> float | None:
    return float(f"{amount / seconds:.5g}") if seconds else None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
