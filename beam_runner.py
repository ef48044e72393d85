"""``mm1``: web archives to mixed image-text shards, and MM1-style models trained on them.

``python beam_runner.py`` and the console script ``mm1`` are the same program. It is a list of commands: each is
imported when it is called, so that ``--help``, ``check``, ``status`` and ``schema`` import neither Beam nor torch, and
nothing that Beam pickles lives here.
"""

import sys
from collections.abc import Sequence

import click

from commands.program import LazyGroup, Sections, run_program

SECTIONS: Sections = {
    "Begin": {
        "demo": ("commands.demo:demo", "The whole line on a generated web, offline."),
        "init": ("commands.settings_files:init", "Copy a commented recipe to edit."),
        "check": ("commands.settings_files:check", "Everything that can be known before running."),
        "doctor": ("commands.doctor:doctor", "Versions, extras, engines, disk, GPU."),
    },
    "Curate": {
        "run": ("commands.run:run", "Run the jobs of a recipe; go on where a run was stopped."),
        "package": ("commands.package:package", "Jars and a script for clusters where one submits a file."),
        "status": ("commands.status:status", "How far a run is, from its folder alone."),
        "verify": ("commands.integrity:verify", "Check shards against their manifest, byte by byte."),
        "diff": ("commands.integrity:diff", "How two runs differ: settings, counts, samples."),
        "forget": ("commands.integrity:forget", "Take pages or images out of shards; no other row moves."),
        "export": ("commands.exchange:export", "Write shards for other programs: HF, OBELICS, MMC4, Curator, ..."),
        "import": ("commands.exchange:import_", "Read documents of OBELICS or MMC4 into a run."),
    },
    "Look": {
        "stats": ("commands.stats:stats", "Counts, reasons, shares."),
        "report": ("commands.report:report", "One HTML file about a run; opens offline."),
        "explain": ("commands.explain:explain", "One record's life: every stage, score and verdict."),
        "query": ("commands.query:query", "SQL on the tables and the index (DuckDB)."),
        "show": ("commands.show:show", "Look into a run, a tar, a Parquet file or a WARC."),
    },
    "Train": {
        "train": ("commands.training:train", "Train a model on shards."),
        "generate": ("commands.training:generate", "Write text to a prompt with images."),
        "evaluate": ("commands.training:evaluate", "Captions and answers, few-shot, with intervals."),
        "upcycle": ("commands.weights:upcycle", "Make a mixture of experts of a dense checkpoint."),
        "export-model": ("commands.weights:export_model", "Write a model for Hugging Face transformers."),
    },
    "More": {
        "schema": ("commands.settings_files:schema", "Every key of a recipe, as JSON schema or Markdown."),
        "completion": ("commands.completion:completion", "Completion script for bash, zsh or fish."),
    },
}
"""The list of commands. Adding one is a function in ``commands/`` and a line here."""


class Program(LazyGroup):
    """The program ``mm1``."""

    sections = SECTIONS


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MM1"})
@click.version_option(package_name="mm1", prog_name="mm1", message="%(prog)s %(version)s")
def program() -> None:
    """Turns web archives into mixed image-text shards, and trains MM1-style models on them.

    \b
    Start with:
      mm1 demo                        the whole line on a generated web, offline
      mm1 init web -o web.yaml        a recipe to edit
      mm1 check web.yaml              what is wrong with it, before anything runs
      mm1 run web.yaml

    Results go to stdout, progress and log to stderr. Exit codes: 0 done, 1 the data failed a check, 2 wrong usage or
    settings, 3 the outside world, 4 unfinished and a re-run goes on, 130 stopped.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    return run_program(program, arguments)


if __name__ == "__main__":
    sys.exit(main())
