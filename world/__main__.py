"""``python -m world --pages 300 --seed 1 --out DIR``."""

import time
from pathlib import Path

import click

from world.generation import WorldConfig, generate


@click.command(name="world")
@click.option("--pages", default=300, show_default=True, help="Pages, pairs and texts of each.")
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new or empty folder.")
@click.option("--workers", default=1, show_default=True, help="Processes; bytes are the same.")
def main(pages: int, seed: int, out: Path, workers: int) -> None:
    """Generates a small web with known truth under OUT."""
    try:
        config = WorldConfig(out=out, pages=pages, seed=seed, workers=workers)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    start = time.monotonic()
    try:
        paths = generate(config)
    except FileExistsError as error:
        raise click.UsageError(str(error)) from error
    elapsed = time.monotonic() - start
    click.echo(f"{pages} pages in {elapsed:.1f} s ({pages / elapsed:.0f} pages/s)", err=True)
    click.echo(paths.root)


if __name__ == "__main__":
    main()
