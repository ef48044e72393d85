"""What a recipe would take at the size of its input: from the counted input and the measured costs of each job.

Nothing here knows the machine but for the CPU seconds: those are of the machine that `benchmarks/costs.py` ran on, and
their ratios hold on others.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.jobs import JOB_NAMES
from schemas.json_form import from_json
from schemas.recipe import Recipe

COSTS = pathlib.Path(__file__).with_name("costs.json")

ROWS_PER_BUCKET = 50_000
"""As ``joins``, ``dedup`` and ``fetch`` have it: the rows of one group, so that no worker holds more."""

URLS_PER_BUCKET = 1_000
URLS_PER_PORTION = 10_000
"""As ``fetch`` has them: the URLs of a bucket, and of a portion of a host with many."""

ROWS_PER_CHUNK = 16_384
LEAST_CHUNKS = 64
"""As ``joins.chunks`` has them: work items of models."""

ACCELERATORS: Mapping[str, float] = {
    "nvidia-tesla-t4": 65e12,
    "nvidia-l4": 121e12,
    "nvidia-tesla-v100": 125e12,
    "nvidia-tesla-a100": 312e12,
    "nvidia-a100-80gb": 312e12,
    "nvidia-h100-80gb": 989e12,
}
"""Dense 16-bit operations a second, from NVIDIA's data sheets."""

UTILISATION = 0.3
"""Share of an accelerator's rate that a vision transformer reaches in batches, reading and decoding beside it."""


PAIR_S = 12e-9
"""Of comparing two hashes of images, measured on groups of 10,000 and 30,000: these grow by the square."""

HASH_BYTES = 184
"""Of one hash in a group that is compared, measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCosts:
    """What one job takes for one unit of its input."""

    units_per_page: float
    """Units of this job that one page of the measured world gave."""

    cpu_s: float
    shuffled_bytes: float
    output_bytes: float
    process_bytes: int
    """Resident size of a worker before units count."""

    unit_memory_bytes: float
    """Memory that one more unit took, up to the rows of one group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """``costs.json``: facts of one version of the code, written by ``python -m benchmarks.costs``."""

    jobs: Mapping[str, JobCosts]
    part_json_bytes: int
    """Of one output file in its job's summary."""

    part_memory_bytes: int
    """Of the same once it is read, which the commit and every planning worker do."""

    model_operations: Mapping[str, int]
    """Floating-point operations of one image, by name of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The counted input, and what a sample of it says."""

    files: int
    n_bytes: int
    work_items: int
    """Of ``interleave``."""

    pages: int
    """Records that the whole input holds, if the rest is like the sample."""

    sampled_pages: int
    images_per_page: float | None
    """Images that a sampled page refers to; None where no page was sampled."""

    largest_host: str | None
    """That the most images of the sampled pages are on."""

    largest_host_share: float
    """Of all their images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What one job would take."""

    job: str
    units: int
    work_items: int
    shuffled_bytes: int
    worker_bytes: int
    """Peak of one worker process: its models are not among it, since the recipe names them."""

    cpu_hours: float
    gpu_hours: float | None
    """None where no accelerator is asked for, or the operations of its model are not known."""

    requests: int
    """To hosts of the web."""

    polite_hours: float
    """That the host with the most images takes at the rate of the recipe, whatever the number of workers."""

    output_bytes: int


def read_costs() -> Costs:
    """Returns the costs that this version was measured to have."""
    return from_json(COSTS.read_bytes(), Costs)


def plan_line(census: Census, recipe: Recipe, costs: Costs) -> list[JobPlan]:
    """Returns what each job of a recipe would take, in order."""
    units = {name: round(census.pages * rate) for name, rate in _rates(census, costs).items()}
    items = work_items(units, census, recipe)
    plans = []
    parts_before = 0
    for name in JOB_NAMES:
        job = costs.jobs[name]
        n_units = 0 if _is_off(name, recipe) else units[name]
        # A job reads the summaries of the jobs before it, and its last step holds its own.
        parts = items[name] + parts_before
        pairs, hashes = neighbours(units["fetch"], recipe) if name == "dedup" else (0.0, 0)
        held = parts * costs.part_memory_bytes + hashes * HASH_BYTES
        plans.append(
            JobPlan(
                job=name,
                units=n_units,
                work_items=items[name] if n_units else 0,
                shuffled_bytes=round(n_units * job.shuffled_bytes),
                worker_bytes=worker_bytes(job, n_units) + held if n_units else 0,
                cpu_hours=(n_units * job.cpu_s + pairs * PAIR_S) / 3600,
                gpu_hours=_gpu_hours(name, n_units, recipe, costs),
                requests=n_units if _asks_the_web(name, recipe) else 0,
                polite_hours=_polite_hours(census, n_units, recipe) if _asks_the_web(name, recipe) else 0.0,
                output_bytes=round(n_units * job.output_bytes),
            )
        )
        parts_before = max(parts_before, items[name])
    return plans


def work_items(units: Mapping[str, int], census: Census, recipe: Recipe) -> dict[str, int]:
    """Returns the work items of each job: parts of documents, buckets of rows, and portions of the largest host."""
    interleave_items = census.work_items
    largest = round(units["fetch"] * census.largest_host_share) if recipe.fetch.source == "web" else 0
    portions = math.ceil(largest / URLS_PER_PORTION) if largest > URLS_PER_PORTION else 0
    buckets = {name: math.ceil(count / ROWS_PER_BUCKET) for name, count in units.items()}
    chunks = {name: max(LEAST_CHUNKS, math.ceil(count / ROWS_PER_CHUNK)) for name, count in units.items()}
    return {
        "interleave": interleave_items,
        "fetch": math.ceil(units["fetch"] / URLS_PER_BUCKET) + portions + interleave_items + buckets["fetch"],
        "dedup": interleave_items + 2 * buckets["dedup"],
        "score": chunks["score"] + interleave_items,
        "select": 2 * interleave_items + buckets["select"],
        "recaption": chunks["recaption"],
        "mix": interleave_items + math.ceil(units["mix"] / recipe.mixture.rows_per_shard),
    }


def worker_bytes(job: JobCosts, units: int) -> int:
    """Returns the memory of a worker: a process, and the rows of the largest group that it is given."""
    return job.process_bytes + round(min(units, ROWS_PER_BUCKET) * job.unit_memory_bytes)


def neighbours(images: int, recipe: Recipe) -> tuple[float, int]:
    """Returns the pairs of hashes that are compared for near-duplicates, and the hashes of the largest group.

    As ``dedup`` does: 64 bits in one band more than the radius, as even as can be, each compared where it is equal.
    """
    radius = recipe.dedup.images.hamming_radius
    if radius is None:
        return 0.0, 0
    widths = [64 // (radius + 1) + (band < 64 % (radius + 1)) for band in range(radius + 1)]
    return sum(images**2 / 2**width for width in widths), math.ceil(images / 2 ** min(widths))


def _rates(census: Census, costs: Costs) -> dict[str, float]:
    """Returns the units of each job that one page gives: those that follow images are scaled by the sampled pages."""
    measured = costs.jobs["fetch"].units_per_page
    images = census.images_per_page if census.images_per_page is not None else measured
    scale = images / measured if measured else 1.0
    by_images = {"fetch", "dedup", "score", "select", "recaption"}
    return {n: job.units_per_page * (scale if n in by_images else 1.0) for n, job in costs.jobs.items()}


def _asks_the_web(name: str, recipe: Recipe) -> bool:
    return name == "fetch" and recipe.fetch.source == "web"


def _polite_hours(census: Census, urls: int, recipe: Recipe) -> float:
    return urls * census.largest_host_share / recipe.fetch.per_host.requests_per_s / 3600


def _is_off(name: str, recipe: Recipe) -> bool:
    return (name == "score" and recipe.score.model is None) or (
        name == "recaption" and recipe.recaption.captioner == "none"
    )


def _gpu_hours(name: str, units: int, recipe: Recipe, costs: Costs) -> float | None:
    """Returns the hours of the accelerator that the recipe names, from the operations of its model."""
    if name not in {"score", "recaption"}:
        return 0.0
    settings = recipe.score if name == "score" else recipe.recaption
    rate = ACCELERATORS.get(settings.accelerator or "")
    operations = costs.model_operations.get(settings.model or "")
    return units * operations / (rate * UTILISATION) / 3600 if rate and operations else None
