"""``mm1 check --plan``: the counted input of a recipe, and what each job would take. Imports no Beam and no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from commands import output


def plan_recipe(file: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Returns the counted input and what each job would take, as JSON values."""
    from pipelines.recipe import load_recipe
    from pipelines.report.census import take_census
    from pipelines.report.scale import plan_line, read_costs

    recipe = load_recipe(file, overrides).recipe
    census = take_census(recipe)
    return {"input": asdict(census), "jobs": [asdict(job) for job in plan_line(census, recipe, read_costs())]}


def show_plan(census: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> None:
    """Prints both as a table."""
    images = census["images_per_page"]
    sampled = f"{census['sampled_pages']:,} pages sampled" + (f", {images:.1f} images a page" if images else "")
    counted = f"{census['files']:,} files, {size(census['n_bytes'])}, about {census['pages']:,} pages ({sampled})"
    output.result(f"input: {counted}")
    columns = ("job", "units", "work items", "shuffled", "a worker", "CPU hours", "GPU hours", "requests", "output")
    output.table("what each job would take", columns, [_row(job) for job in jobs])
    waits = max(job["polite_hours"] for job in jobs)
    if waits:
        share = f"{census['largest_host_share']:.0%} of the sampled images are on {census['largest_host']}"
        output.note(f"{share}, which takes {hours(waits)} hours at the recipe's requests a second, on any engine")
    output.note("CPU hours are those of one core of the measured machine; GPU hours need a known model and accelerator")


def _row(job: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        job["job"],
        job["units"],
        job["work_items"],
        size(job["shuffled_bytes"]),
        size(job["worker_bytes"]),
        hours(job["cpu_hours"]),
        "?" if job["gpu_hours"] is None else hours(job["gpu_hours"]),
        job["requests"],
        size(job["output_bytes"]),
    )


def size(n_bytes: float) -> str:
    """Returns a number of bytes with three digits: ``1.25 GB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} PB"


def hours(value: float) -> str:
    """Returns a number of hours: small ones with two digits, large ones whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
