"""``mm1 demo``: the whole line on a generated web, by the functions of the single commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

import click

import recipes
from commands import output
from commands.errors import CommandError, Exit
from commands.models import require_torch
from commands.program import command
from commands.report import write_report

PAGES = 300
STEPS = 120
CAPTIONS = 4
PROMPT = "<image>"


@command(
    examples="""
mm1 demo
mm1 demo --out quickstart --pages 1000
mm1 demo --no-train
"""
)
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False), help="Folder to write.")
@click.option("--pages", default=PAGES, show_default=True, type=click.IntRange(min=30), help="Pages of the world.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Of the world.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; default: one a core.")
@click.option("--steps", default=STEPS, show_default=True, type=click.IntRange(min=1), help="Training steps.")
@click.option("--no-train", is_flag=True, help="End with the shards.")
def demo(*, out: str, pages: int, seed: int, workers: int | None, steps: int, no_train: bool) -> None:
    """Makes a small web, runs every job on it, shows what came out, trains a small model and lets it caption.

    Offline, on two cores, in about three minutes. Started again it goes on where it was. Toy models score and caption:
    they know the generated pictures and nothing else.
    """
    began_s = time.monotonic()
    require_torch()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _say("1/5", f"a web of {pages:,} pages, seed {seed}")
    make_world(folder / "world", pages, seed)
    recipe, training = copy_recipes(folder, steps)
    _say("2/5", f"every job of {recipe}")
    _run(recipe, workers)
    _say("3/5", "what came out")
    _show(folder / "run")
    if not no_train:
        _say("4/5", f"{steps} training steps of a small model")
        _train(training)
        _say("5/5", "captions for pictures it has never seen")
        caption(folder)
    write_report(str(folder / "run"), str(folder / "report.html"))
    output.result(f"\nall of it is in {out}/  ({time.monotonic() - began_s:.0f} s)")
    output.result(f"next: open {out}/report.html    mm1 stats {out}/run    edit {recipe}, then mm1 run {recipe}")


def _say(step: str, what: str) -> None:
    output.note(f"\n[{step}] {what}")


def make_world(folder: Path, pages: int, seed: int) -> None:
    """Generates the world, unless the same one is there already.

    Raises:
        CommandError: Another world is there.
    """
    from world.generation import WorldConfig, generate

    made_of = folder.with_suffix(".json")
    wanted = json.dumps({"pages": pages, "seed": seed})
    if made_of.exists():
        if made_of.read_text() != wanted:
            message = f"{folder} was made of {made_of.read_text()}, not {wanted}: give another --out or remove it"
            raise CommandError(message, Exit.USAGE)
        return
    if folder.exists() and any(folder.iterdir()):
        # A generation that was stopped: the world has no parts to keep.
        shutil.rmtree(folder)
    generate(WorldConfig(out=folder, pages=pages, seed=seed, workers=min(2, os.cpu_count() or 1)))
    made_of.write_text(wanted)


def copy_recipes(folder: Path, steps: int) -> tuple[str, str]:
    """Writes the demo's recipe and training settings, unless they are there, and returns their paths."""
    recipe, training = folder / "recipe.yaml", folder / "train.yaml"
    if not recipe.exists():
        recipe.write_text(recipes.to_copy("quickstart"))
    if not training.exists():
        training.write_text(re.sub(r"(?m)^steps: .*$", f"steps: {steps}", recipes.to_copy("train-quickstart"), count=1))
    return str(recipe), str(training)


def _run(recipe: str, workers: int | None) -> None:
    from commands.engines import engine_settings
    from commands.run import load, run_jobs, summary_table
    from schemas.recipe import JOB_NAMES

    loaded = load(recipe, ())
    results = run_jobs(loaded.recipe, engine_settings("local", workers=workers), JOB_NAMES[0], JOB_NAMES[-1])
    summary_table(results)


def _show(run: Path) -> None:
    from commands.stats import print_statistics
    from pipelines.report.statistics import run_statistics

    print_statistics(run_statistics(str(run)), only_shards=True)


def _train(training: str) -> None:
    from commands.training import print_result, run_training
    from mm1_model.train.settings_file import load_train_config

    result = run_training(load_train_config(training))
    print_result(result)
    if result.stopped_by is not None:
        raise KeyboardInterrupt


def caption(folder: Path) -> None:
    """Prints what the trained model writes to a few held-out pictures, beside the truth."""
    from commands.training import write_texts
    from mm1_model.generation.sampling import SamplingSettings

    heldout = folder / "world" / "heldout"
    lines = (heldout / "captions.jsonl").read_text().splitlines()
    questions = [json.loads(line) for line in lines[:CAPTIONS]]
    files = [str(heldout / question["image"]) for question in questions]
    settings = SamplingSettings(max_new_tokens=24, stop=("\n",))
    texts = write_texts(str(folder / "model"), [(PROMPT, [file]) for file in files], settings)
    rows = [
        (os.path.relpath(file, folder), text.strip(), question["captions"][0])
        for file, (text, _), question in zip(files, texts, questions, strict=True)
    ]
    output.table(None, ("picture", "the model writes", "what is in it"), rows)
