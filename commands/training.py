"""``mm1 train`` and ``mm1 generate``."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.models import load, require_torch
from commands.program import command, json_option
from commands.settings_files import set_option

if TYPE_CHECKING:
    from mm1_model.generation.sampling import SamplingSettings
    from mm1_model.train.config import TrainConfig
    from mm1_model.train.report import StepReport, TrainResult

LINE_EVERY_S = 10.0


@command(
    examples="""
mm1 train train.yaml
mm1 train train.yaml --set steps=20 --set model.preset=debug
torchrun --nproc-per-node=8 -m mm1_model.train train.yaml      # the same on many GPUs
"""
)
@click.argument("config", type=click.Path())
@set_option
@json_option
def train(config: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Trains as CONFIG says; goes on from the newest checkpoint in its `out` folder."""
    require_torch()
    from mm1_model.train.settings_file import load_train_config

    result = run_training(load_train_config(config, overrides))
    if as_json:
        output.json_result(_as_json(result))
    else:
        print_result(result)
    if result.stopped_by is not None:
        return Exit.STOPPED
    return Exit.DONE if result.is_complete else Exit.UNFINISHED


def run_training(config: TrainConfig) -> TrainResult:
    """Trains with progress on stderr.

    Raises:
        CommandError: The shards or checkpoints cannot be used, or the loss guard stopped the run.
    """
    from mm1_model.data.damage import ShardError
    from mm1_model.train.checkpoint import CheckpointError
    from mm1_model.train.loop import TrainingError
    from mm1_model.train.run import train as run

    try:
        return run(config, on_step=TrainingProgress())
    except CheckpointError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    except (ShardError, TrainingError) as error:
        raise CommandError(str(error), Exit.FAILED_CHECK) from error
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error


class TrainingProgress:
    """Says how training goes on: every ``LINE_EVERY_S`` seconds, and whenever the held-out loss was measured."""

    def __init__(self) -> None:
        self._began_s = self._said_s = time.monotonic()
        self._first: int | None = None

    def __call__(self, report: StepReport) -> None:
        now_s = time.monotonic()
        if self._first is None:
            self._first = report.step
        if report.holdout is None and report.step < report.steps and now_s - self._said_s < LINE_EVERY_S:
            return
        self._said_s = now_s
        done = report.step - self._first
        left_s = (now_s - self._began_s) / done * (report.steps - report.step) if done else math.nan
        output.note(step_line(report, left_s))


def step_line(report: StepReport, left_s: float) -> str:
    """Returns a step in words: ``step 20/60  loss 6.310  held out 6.402  rate 9.8e-04  1,234 tokens/s  eta 20 s``."""
    parts = [f"step {report.step:,}/{report.steps:,}"]
    if report.tokens:
        parts += [f"loss {report.loss:.3f}"]
    if report.holdout is not None:
        parts.append(f"held out {report.holdout.loss:.3f}")
    if report.tokens:
        parts.append(f"rate {report.learning_rate:.1e}")
        if report.seconds:
            parts.append(f"{report.tokens / report.seconds:,.0f} tokens/s")
    if report.skipped:
        parts.append(f"left out: {report.skipped}")
    if math.isfinite(left_s) and report.step < report.steps:
        parts.append(f"eta {left_s:.0f} s")
    return "  ".join(parts)


def _as_json(result: TrainResult) -> dict[str, object]:
    first, last = result.holdout_first, result.holdout_last
    return {
        "out": str(result.out),
        "checkpoint": str(result.checkpoint),
        "steps_done": result.steps_done,
        "steps": result.steps,
        "resumed_from": result.resumed_from,
        "loss": result.loss,
        "holdout_first": None if first is None else {"loss": first.loss, "by_kind": first.by_kind, "rows": first.rows},
        "holdout_last": None if last is None else {"loss": last.loss, "by_kind": last.by_kind, "rows": last.rows},
        "stopped_by": result.stopped_by,
    }


def print_result(result: TrainResult) -> None:
    """Prints how training ended."""
    if result.resumed_from == result.steps:
        output.result(f"nothing to do: all {result.steps:,} steps are done in {result.out}")
        return
    began = f", from step {result.resumed_from:,}" if result.resumed_from else ""
    output.result(f"{result.steps_done:,} of {result.steps:,} steps done{began}; checkpoint {result.checkpoint}")
    if result.holdout_first is not None and result.holdout_last is not None:
        output.result(f"loss on held-out rows: {result.holdout_first.loss:.3f} -> {result.holdout_last.loss:.3f}")


@command(
    examples="""
mm1 generate model --prompt "<image>" --image cat.jpg
mm1 generate model --prompt "<image> A photo of" --image a.jpg --max-new-tokens 20
mm1 generate model --prompt "Once" --temperature 0.8 --top-p 0.9 --seed 3
"""
)
@click.argument("checkpoint", type=click.Path())
@click.option("--prompt", required=True, help="Text to go on from; each <image> takes one --image, in order.")
@click.option("--image", "images", multiple=True, type=click.Path(), help="An image file. Repeatable.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--temperature", type=click.FloatRange(min=0), default=0.0, show_default=True, help="0: the likeliest.")
@click.option("--top-k", type=click.IntRange(min=1), help="Only the k likeliest tokens.")
@click.option("--top-p", type=click.FloatRange(min=0, max=1, min_open=True), default=1.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@click.option("--stop", multiple=True, help="End before this text. Repeatable.")
@json_option
def generate(
    *,
    checkpoint: str,
    prompt: str,
    images: tuple[str, ...],
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float,
    seed: int,
    stop: tuple[str, ...],
    as_json: bool,
) -> None:
    """Goes on from a prompt with images anywhere in it."""
    require_torch()
    from mm1_model.generation.sampling import SamplingSettings

    settings = SamplingSettings(
        max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop
    )
    (text, finish), *_ = write_texts(checkpoint, [(prompt, images)], settings)
    if as_json:
        output.json_result({"prompt": prompt, "images": list(images), "text": text, "finish": finish})
    else:
        output.result(text)


def write_texts(
    checkpoint: str, prompts: Sequence[tuple[str, Sequence[str]]], settings: SamplingSettings
) -> list[tuple[str, str]]:
    """Returns ``(text, why it ended)`` for each ``(prompt, image files)``.

    Raises:
        CommandError: An image cannot be read, or prompt and images do not fit each other or the model.
    """
    import torch

    from mm1_model.data.pictures import decode
    from mm1_model.generation.generate import generate_tokens
    from mm1_model.generation.prompt import build_prompt
    from mm1_model.generation.sampling import SamplingSettings

    assert isinstance(settings, SamplingSettings)  # for the type checker: torch is imported late
    model, tokenizer = load(checkpoint)
    side = model.config.vision.image_size
    built = []
    for text, files in prompts:
        try:
            pixels = [decode(_read(file), side) for file in files]
            images_NCHW = torch.stack(pixels) if pixels else torch.empty(0, 3, side, side, dtype=torch.uint8)
            built.append(build_prompt(text, images_NCHW, tokenizer, model.config))
        except ValueError as error:
            raise CommandError(f"{', '.join(files) or 'prompt'}: {error}", Exit.USAGE) from error
    try:
        done = generate_tokens(model, built, tokenizer, settings)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    return [(one.text, one.finish) for one in done]


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
