"""Run under ``torchrun``: trains on made-up rows. Arguments: the folder, the step to stop after, and the variant."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from mm1_model.config import ModelConfig
from mm1_model.train.config import OptimizerSettings, TrainConfig
from mm1_model.train.ending import end_process
from mm1_model.train.report import StepReport
from mm1_model.train.run import train_on
from tests.mm1_model.train import synthetic


def config(out: Path) -> TrainConfig:
    """One row a forward pass, and a smooth optimizer: Adam's sign of a gradient near 0 would be rounding alone."""
    return synthetic.config(out, micro_rows=1, optimizer=OptimizerSettings(learning_rate=0.01, eps=1e-2))


def variant_of(name: str, out: Path) -> tuple[TrainConfig, ModelConfig]:
    """Returns settings and network of a variant: float32, bfloat16, frozen (the tower frozen, blocks recomputed) or
    tied (the output projection is the embedding).
    """
    network = synthetic.network()
    if name == "tied":
        return config(out), replace(network, decoder=replace(network.decoder, tie_embeddings=True))
    if name == "frozen":
        return replace(config(out), recompute=True), replace(network, vision=replace(network.vision, frozen=True))
    return replace(config(out), dtype="bfloat16" if name == "bfloat16" else "float32"), network


def main(out: Path, stop_after: int, variant: str) -> None:
    """Trains; the main rank asks itself to stop after a step."""

    def stop(report: StepReport) -> None:
        if report.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    settings, network = variant_of(variant, out)
    train_on(settings, network, synthetic.data(), on_step=stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    end_process(0)
