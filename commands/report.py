"""``mm1 report``: one HTML file about a run."""

from __future__ import annotations

import os

import click

from commands import output
from commands.program import command


@command(
    examples="""
mm1 report runs/web
mm1 report runs/web -o web.html --documents 40
mm1 report runs/web --compare runs/web-before -o compared.html
mm1 report runs/web --no-thumbnails
"""
)
@click.argument("run")
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False), help="File; default: RUN/report.html.")
@click.option("--documents", default=12, show_default=True, type=click.IntRange(min=0), help="Of each sort.")
@click.option("--no-thumbnails", is_flag=True, help="Copy no picture into the file.")
@click.option(
    "--compare", metavar="OTHER", help="Another run: show its settings, funnel and mixture beside this one's."
)
def report(*, run: str, path: str | None, documents: int, no_thumbnails: bool, compare: str | None) -> None:
    """Writes what a run came to as one HTML file: it opens offline, asks for nothing, and can be sent as it is."""
    path = path or os.path.join(run, "report.html")
    write_report(run, path, documents=documents, pictures=not no_thumbnails, compare=compare)


def write_report(
    run: str, path: str, *, documents: int = 12, pictures: bool = True, compare: str | None = None
) -> None:
    """Writes the report of a run and says where."""
    from pipelines.report.page import ReportSettings, render_report
    from pipelines.runs import storage

    text = render_report(run, ReportSettings(documents=documents, pictures=pictures, compare=compare))
    storage.write_bytes(path, text.encode())
    output.result(f"wrote {path} ({len(text) / 1e6:.2f} MB)")
