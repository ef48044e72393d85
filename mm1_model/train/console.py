"""Progress on stderr, one line a step; the result on stdout."""

import json
import sys

from mm1_model.train.report import StepReport, TrainResult


def print_step(report: StepReport) -> None:
    """Prints a step as one line."""
    parts = [f"step {report.step}/{report.steps}"]
    if report.tokens:
        parts += [
            f"loss {report.loss:.4f}",
            f"rate {report.learning_rate:.2e}",
            f"norm {report.gradient_norm:.2f}",
            f"{report.tokens / report.seconds:,.0f} tokens/s" if report.seconds else "",
        ]
    if report.skipped:
        parts.append(f"changed nothing: {report.skipped}")
    if report.holdout is not None:
        kinds = ", ".join(f"{kind} {loss:.4f}" for kind, loss in report.holdout.by_kind.items())
        parts.append(f"held-out {report.holdout.loss:.4f} ({kinds})")
    print("  ".join(part for part in parts if part), file=sys.stderr, flush=True)


def say_ended(result: TrainResult) -> None:
    """Prints the result as one line of JSON."""
    print(
        json.dumps(
            {
                "checkpoint": str(result.checkpoint),
                "steps_done": result.steps_done,
                "steps": result.steps,
                "resumed_from": result.resumed_from,
                "loss": result.loss,
                "holdout_first": result.holdout_first.loss if result.holdout_first else None,
                "holdout_last": result.holdout_last.loss if result.holdout_last else None,
                "stopped_by": result.stopped_by,
            }
        )
    )
