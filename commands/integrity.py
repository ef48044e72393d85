"""``mm1 verify``: do the files hold what was promised of them."""

from __future__ import annotations

import dataclasses
import itertools

import click

from commands import output
from commands.errors import Exit
from commands.program import command, json_option

MAX_SHOWN = 20


@command(
    examples="""
mm1 verify runs/web
mm1 verify runs/web/shards --fast
mm1 verify mix-00000.tar
"""
)
@click.argument("path")
@click.option("--fast", is_flag=True, help="Manifest, sizes and indexes alone; read no tar.")
@click.option("--all", "show_all", is_flag=True, help=f"Show every finding, not only the first {MAX_SHOWN}.")
@json_option
def verify(path: str, fast: bool, show_all: bool, as_json: bool) -> int:
    """Checks shards against their manifest: sizes, digests, keys, order, shares, texts and images of every sample.

    Exit code 1 if anything does not hold.
    """
    from pipelines.verify.verify import find_problems

    findings = find_problems(path, fast=fast)
    shown = list(findings if show_all else itertools.islice(findings, MAX_SHOWN))
    more = len(shown) == MAX_SHOWN and not show_all and next(iter(findings), None) is not None
    if as_json:
        output.json_result({"path": path, "ok": not shown, "findings": [dataclasses.asdict(f) for f in shown]})
    else:
        for finding in shown:
            output.result(output.escaped(str(finding)))
        if more:
            output.result("... and more; --all shows every one")
        if not shown:
            output.result(f"{path}: holds{' (manifest, sizes and indexes; no tar was read)' if fast else ''}")
    return Exit.FAILED_CHECK if shown else Exit.DONE
