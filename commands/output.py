"""What commands print: results on stdout; progress, notes and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

JSON_VERSION = 1
"""``schema_version`` of every document that ``--json`` prints."""


class Verbosity:
    """How much goes to stderr, as set by ``-q`` and ``-v``. One for the program: there is one stderr."""

    quiet = False
    verbose = 0


def note(text: str) -> None:
    """Says something on stderr, unless ``-q``."""
    if not Verbosity.quiet:
        click.echo(text, err=True)


def warn(text: str) -> None:
    """Says on stderr that something may not be as meant."""
    click.echo(click.style("warning: ", fg="yellow") + text, err=True)


def fail(text: str) -> None:
    """Says on stderr why the program ends."""
    click.echo(click.style("error: ", fg="red") + text, err=True)


def result(text: str) -> None:
    """Prints a result on stdout."""
    click.echo(text)


def json_result(content: Mapping[str, Any]) -> None:
    """Prints a result as one JSON document with its ``schema_version``."""
    document = {"schema_version": JSON_VERSION, **content}
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def console(*, stderr: bool = False) -> Console:
    """Returns a rich console that obeys ``NO_COLOR`` and knows whether it is a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(file=stream, highlight=False, width=width, no_color="NO_COLOR" in os.environ or None)


def table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table on stdout. Cells that are numbers stand to the right; all else is escaped text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, box=box.SIMPLE, title_justify="left", pad_edge=False)
    numeric = [all(isinstance(row[i], (int, float)) or row[i] is None for row in rows) for i in range(len(columns))]
    for name, is_number in zip(columns, numeric, strict=True):
        grid.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell(value)) for value in row))
    console().print(grid)


def cell(value: object) -> str:
    """Returns a value as a table shows it: thousands apart, control characters escaped."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return escaped(str(value))


def escaped(text: str) -> str:
    """Returns text from outside for a terminal: one line, no control sequences."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
