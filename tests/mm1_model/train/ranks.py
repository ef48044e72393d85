"""Run under ``torchrun``: trains on made-up rows. Arguments: the folder, the step to stop after, and the dtype."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from mm1_model.train.config import OptimizerSettings, TrainConfig
from mm1_model.train.report import StepReport
from mm1_model.train.run import train_on
from tests.mm1_model.train import synthetic


def config(out: Path) -> TrainConfig:
    """One row a forward pass, and a smooth optimizer: Adam's sign of a gradient near 0 would be rounding alone."""
    return synthetic.config(out, micro_rows=1, optimizer=OptimizerSettings(learning_rate=0.01, eps=1e-2))


def main(out: Path, stop_after: int, dtype: str) -> None:
    """Trains; the main rank asks itself to stop after a step."""

    def stop(report: StepReport) -> None:
        if report.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    train_on(replace(config(out), dtype=dtype), synthetic.network(), synthetic.data(), on_step=stop)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
