"""``mm1 export`` and ``mm1 import``: other people's formats."""

from __future__ import annotations

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command

EXPORTS = ("obelics", "mmc4", "hf", "curator", "img2dataset", "energon", "croissant", "webdataset")
IMPORTS = ("obelics", "mmc4", "img2dataset")
NATIVE_ADVICE = {
    "energon": "open it with megatron.energon.get_train_dataset: .nv-meta lies beside the shards",
    "croissant": "croissant.json lies beside the shards",
    "webdataset": "give the tars to webdataset.WebDataset as they are",
}


@command(
    examples="""
mm1 export runs/web --to hf web-hf
mm1 export runs/web --to obelics web-obelics
"""
)
@click.argument("source", metavar="RUN|SHARDS")
@click.argument("destination", required=False)
@click.option("--to", "name", required=True, type=click.Choice(EXPORTS), help="The format.")
def export(*, source: str, destination: str | None, name: str) -> None:
    """Writes shards in the format of other programs."""
    from pipelines.exchange.formats import EXPORTS as WRITERS
    from pipelines.exchange.stored import ExchangeError, open_manifest

    try:
        if name in NATIVE_ADVICE:
            folder, _ = open_manifest(source)
            output.result(f"{folder} is that already: {NATIVE_ADVICE[name]}")
            return
        if destination is None:
            raise click.UsageError("name a folder to write")
        files = WRITERS[name](source, destination)
    except ExchangeError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    output.result(f"wrote {len(files):,} {'file' if len(files) == 1 else 'files'} to {destination}")


@command(
    examples="""
mm1 import --from obelics --out runs/obelics obelics/*.parquet
mm1 run web.yaml --out runs/obelics --jobs fetch..
"""
)
@click.argument("files", nargs=-1, required=True)
@click.option("--from", "name", required=True, type=click.Choice(IMPORTS), help="The format.")
@click.option("--out", "run", required=True, metavar="RUN", help="A run folder of its own.")
def import_(*, files: tuple[str, ...], name: str, run: str) -> None:
    """Reads documents of other data sets into a run folder; the jobs from fetch on go on from there."""
    from pipelines.exchange.formats import IMPORTS as READERS
    from pipelines.exchange.stored import ExchangeError

    if name == "img2dataset":
        raise CommandError("img2dataset data need no import: name the tars as input.pairs of a recipe", Exit.USAGE)
    try:
        counts = READERS[name](files, run)
    except ExchangeError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    output.result(f"{counts.n_out:,} documents are in {run}; go on with: mm1 run RECIPE --out {run} --jobs fetch..")
    left_out = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.rejected.items()))
    if left_out:
        output.result(f"left out, of {counts.n_in:,} rows: {left_out}; why: {run}/interleave/rejected/")
