"""``mm1 show``: look into a run, a tar, a Parquet file or a WARC."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option

if TYPE_CHECKING:
    from pipelines.report.show import TarSample


@command(
    examples="""
mm1 show runs/web
mm1 show runs/web/shards/mix-00000.tar -n 2
mm1 show runs/web/shards/mix-00000.tar 0f3c9a...
mm1 show runs/web/interleave/part-00000-of-00004.parquet
mm1 show crawl/a.warc.gz https://a.example/
"""
)
@click.argument("source")
@click.argument("key", required=False)
@click.option("-n", "count", type=click.IntRange(min=1), default=5, show_default=True, help="How many to show.")
@json_option
def show(source: str, key: str | None, count: int, as_json: bool) -> None:
    """Shows the tables of a run folder, or the first samples, rows or records of a file; with KEY, that one."""
    from pipelines.report import show as look

    if "://" not in source and os.path.isdir(source):
        listed = [(job, table or "(main)", *numbers) for job, table, *numbers in look.tables(source)]
        if not listed:
            raise CommandError(f"{source} has no committed job", Exit.USAGE)
        _table_or_json(("job", "table", "parts", "rows", "bytes"), listed, as_json)
    elif source.endswith(".parquet"):
        _lines(list(look.rows(source, count, key)), as_json)
    elif source.endswith(".tar"):
        _samples(list(look.samples(source, count, key)), as_json)
    elif source.endswith(look.WARC_ENDINGS):
        found = list(look.records(source, count, key))
        _table_or_json(tuple(found[0]) if found else ("offset",), [tuple(row.values()) for row in found], as_json)
    else:
        message = (
            f"{source}: give a run folder, or a file that ends in .tar, .parquet or {', '.join(look.WARC_ENDINGS)}"
        )
        raise CommandError(message, Exit.USAGE)


def _table_or_json(columns: tuple[str, ...], rows: list[tuple[Any, ...]], as_json: bool) -> None:
    if as_json:
        output.json_result({"rows": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        output.table(None, columns, rows)


def _lines(rows: list[dict[str, Any]], as_json: bool) -> None:
    plain = [json.loads(json.dumps(row, default=_plain)) for row in rows]
    if as_json:
        output.json_result({"rows": plain})
        return
    for row in plain:
        output.result(json.dumps(row, ensure_ascii=False, indent=2))


def _plain(value: Any) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def _samples(samples: list[TarSample], as_json: bool) -> None:
    if as_json:
        output.json_result({"samples": [{"key": s.key, "members": s.members, "content": s.content} for s in samples]})
        return
    for sample in samples:
        content = sample.content or {}
        output.result(f"{sample.key}  {content.get('kind', '')}  {_source(content)}")
        sizes = dict(sample.members)
        for text, image in zip(content.get("texts", ()), content.get("images", ()), strict=False):
            if image is not None:
                output.result(f"    [image {image}, {sizes.get(f'{sample.key}.{image}', 0):,} bytes]")
            elif text is not None:
                output.result("\n".join(f"    {output.escaped(line)}" for line in str(text).splitlines()))
        if "texts" not in content:
            output.result("\n".join(f"    {name}  {size:,} bytes" for name, size in sample.members))
            output.result(f"    {output.escaped(json.dumps(content, ensure_ascii=False))}")


def _source(content: Any) -> str:
    source = content.get("source") or {}
    return output.escaped(str(source.get("url") or source.get("id") or ""))
