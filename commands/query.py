"""``mm1 query``: SQL on the tables and the index of a run."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command

if TYPE_CHECKING:
    from pipelines.runs.folder import RunFolder

MAX_CELL = 80


@command(
    examples="""
mm1 query runs/web --views
mm1 query runs/web "select reason, count(*) n from rejected group by 1 order by n desc"
mm1 query runs/web "select kind, sum(n_text) from samples group by 1" --format csv
"""
)
@click.argument("run")
@click.argument("sql", required=False)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--views", is_flag=True, help="Name the views there are.")
def query(*, run: str, sql: str | None, form: str, views: bool) -> None:
    """Runs SQL (DuckDB) on views of a run: the tables of each job, `rejected` of all, `samples` of the shards."""
    if importlib.util.find_spec("duckdb") is None:
        raise CommandError("this needs duckdb: pip install 'mm1[query]'", Exit.OUTSIDE)
    import duckdb

    from pipelines.runs.folder import RunFolder

    if (sql is None) != views:
        raise click.UsageError("give SQL, or --views")
    connection = duckdb.connect(":memory:")
    found = dict(make_views(RunFolder(run)))
    if not found:
        raise CommandError(f"{run} has no committed table", Exit.USAGE)
    for name, definition in found.items():
        connection.execute(f'create view "{name}" as {definition}')
    # From here on the statement is the user's: it may read these views and nothing else.
    connection.execute(f"set allowed_paths = {_literal(_files(RunFolder(run)))}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    if sql is None:
        described = [(name, ", ".join(_columns(connection, name))) for name in found]
        output.table(None, ("view", "columns"), described)
        return
    try:
        result = connection.execute(sql)
        columns = [column[0] for column in result.description or ()]
        rows = result.fetchall()
    except duckdb.Error as error:
        raise CommandError(str(error), Exit.USAGE) from error
    _print(columns, rows, form)


def make_views(folder: RunFolder) -> Iterator[tuple[str, str]]:
    """Yields ``(name, definition)`` of every view: ``fetch``, ``fetch_fetches``, ..., ``rejected``, ``samples``."""
    from schemas.recipe import JOB_NAMES

    rejected: list[str] = []
    for job in JOB_NAMES:
        summary = folder.summary(job)
        if summary is None:
            continue
        tables = sorted({part.table for part in summary.parts if part.path.endswith(".parquet")})
        for table in tables:
            paths = [folder.path(p.path) for p in summary.table(table) if p.path.endswith(".parquet")]
            if table == "rejected":
                rejected += paths
            else:
                yield f"{job}_{table}" if table else job, f"select * from read_parquet({_literal(paths)})"
    if rejected:
        yield "rejected", f"select * from read_parquet({_literal(rejected)})"
    index = _index(folder)
    if index:
        yield "samples", f"select * from read_parquet({_literal(index)})"


def _index(folder: RunFolder) -> list[str]:
    from pipelines.report.statistics import SHARDS, read_manifest

    manifest = read_manifest(folder.root)
    return [] if manifest is None else [folder.path(SHARDS, shard.index_name) for shard in manifest.shards]


def _files(folder: RunFolder) -> list[str]:
    from schemas.recipe import JOB_NAMES

    summaries = (folder.summary(job) for job in JOB_NAMES)
    parts = [folder.path(part.path) for summary in summaries if summary is not None for part in summary.parts]
    return [path for path in parts if path.endswith(".parquet")] + _index(folder)


def _literal(paths: list[str]) -> str:
    quoted = (f"'{os.path.abspath(path) if '://' not in path else path}'" for path in _escaped(paths))
    return f"[{', '.join(quoted)}]"


def _escaped(paths: list[str]) -> Iterator[str]:
    for path in paths:
        yield path.replace("'", "''")


def _columns(connection: Any, view: str) -> list[str]:
    return [row[0] for row in connection.execute(f'describe "{view}"').fetchall()]


def _print(columns: list[str], rows: list[tuple[Any, ...]], form: str) -> None:
    if form == "json":
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        output.result(json.dumps(listed, ensure_ascii=False, indent=2, default=_plain))
    elif form == "csv":
        import csv
        import io

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[_safe(value) for value in row] for row in rows])
        click.echo(text.getvalue(), nl=False)
    else:
        output.table(None, columns, [[_short(value) for value in row] for row in rows])


def _short(value: Any) -> Any:
    if value is None or isinstance(value, (int, float, bool)):
        return value
    text = _plain(value)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _safe(value: Any) -> Any:
    """A spreadsheet runs a cell that begins with one of these; a quote in front makes it text."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
