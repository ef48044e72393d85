"""``mm1 train``, ``generate`` and ``evaluate``."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.models import model_folder, require_torch
from commands.program import command, json_option
from commands.settings_files import set_option

if TYPE_CHECKING:
    from mm1_model.evaluation.evaluate import TaskResult
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
mm1 generate model --prompt "<image> This is a" --image a.jpg --choice " cat" --choice " dog"      # how likely each is
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
@click.option("--choice", "choices", multiple=True, help="Weigh this continuation instead of writing one. Repeatable.")
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
    choices: tuple[str, ...],
    as_json: bool,
) -> None:
    """Goes on from a prompt with images anywhere in it; or says how likely given continuations are."""
    require_torch()
    if choices:
        _weigh(checkpoint, prompt, images, choices, as_json)
        return
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
        CommandError: Checkpoint, image or prompt is not sound, or they do not fit each other.
    """
    from mm1_model.generation.service import TextGenerator

    try:
        generator = TextGenerator.load(model_folder(checkpoint))
        built = [generator.prompt(text, [_read(file) for file in files]) for text, files in prompts]
        done = generator.generate(built, settings)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    return [(one.text, one.finish) for one in done]


def _weigh(checkpoint: str, prompt: str, images: Sequence[str], choices: Sequence[str], as_json: bool) -> None:
    """Prints the log-probability of each choice after the prompt, the likeliest first."""
    from mm1_model.generation.service import TextGenerator

    try:
        generator = TextGenerator.load(model_folder(checkpoint))
        scores = generator.score(generator.prompt(prompt, [_read(file) for file in images]), choices)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    weighed = sorted(zip(choices, scores, strict=True), key=lambda pair: -pair[1].log_probability)
    rows = [(choice, score.log_probability, score.num_tokens) for choice, score in weighed]
    if as_json:
        named = [{"choice": choice, "log_probability": value, "tokens": tokens} for choice, value, tokens in rows]
        output.json_result({"prompt": prompt, "images": list(images), "choices": named})
    else:
        columns = ("continuation", "log-probability", "tokens")
        output.table(None, columns, [(repr(choice), f"{value:.3f}", tokens) for choice, value, tokens in rows])


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@command(
    examples="""
mm1 evaluate model world/heldout/captions.jsonl world/heldout/questions.jsonl --shots 0,4
mm1 evaluate model captions.jsonl --limit 100 --predictions answers.jsonl
"""
)
@click.argument("checkpoint", type=click.Path())
@click.argument("tasks", nargs=-1, required=True, type=click.Path())
@click.option("--shots", default="0,4,8", show_default=True, help="Numbers of examples before the question.")
@click.option("--shots-from", type=click.Path(exists=True, dir_okay=False), help="A file to take the examples from.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many of each task.")
@click.option("--batch-size", default=16, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, type=int, help="Of the choice of examples and of the intervals.")
@click.option("--predictions", type=click.Path(dir_okay=False), help="Also write every answer, a line each.")
@json_option
def evaluate(
    *,
    checkpoint: str,
    tasks: tuple[str, ...],
    shots: str,
    shots_from: str | None,
    limit: int | None,
    batch_size: int,
    seed: int,
    predictions: str | None,
    as_json: bool,
) -> None:
    """Asks a model few-shot: captions by CIDEr-D, answers by VQA accuracy, with 95 % intervals."""
    require_torch()
    from mm1_model.evaluation.evaluate import EvaluationSettings
    from mm1_model.evaluation.evaluate import evaluate as ask
    from mm1_model.evaluation.tasks import read_task

    beside = Path(shots_from) if shots_from is not None else None
    try:
        numbers = tuple(int(number) for number in shots.split(","))
        settings = EvaluationSettings(shots=numbers, limit=limit, batch_size=batch_size, seed=seed)
        read = [read_task(Path(task), shots_from=beside) for task in tasks]
        results = ask(model_folder(checkpoint), read, settings, on_result=_say_result)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    if predictions is not None:
        _write_predictions(predictions, results)
    records = [result.to_record() for result in results]
    if as_json:
        output.json_result({"checkpoint": checkpoint, "results": records})
    else:
        output.table(None, tuple(records[0]), [tuple(record.values()) for record in records])


def _say_result(result: TaskResult) -> None:
    output.note(f"{result.task}  {result.shots} shots  {result.metric} {result.score.mean:.3f}")


def _write_predictions(path: str, results: Sequence[TaskResult]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for result in results:
            for prediction in result.predictions:
                line = {"task": result.task, "shots": result.shots, **dataclasses.asdict(prediction)}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
