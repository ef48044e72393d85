"""Measures what each job costs per unit of its input, and writes the costs that `mm1 check --plan` reckons with.

    python -m benchmarks.costs --pages 400 2000

The line runs twice, on a generated world of few and of many pages, every job in a process of its own. CPU seconds,
bytes and memory of a unit are the differences of the two runs over the difference of their units; the rest is what a
process costs before its first unit. Operations of models are counted, not timed: they are the same on every machine.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.engines.settings import EngineSettings
from pipelines.jobs import JOB_NAMES, load_job
from pipelines.recipe import load_recipe
from pipelines.report.scale import COSTS, Costs, JobCosts
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from schemas.json_form import to_json
from schemas.summary import JobSummary, PartRecord
from world import WorldConfig, generate

ROOT = pathlib.Path(__file__).parents[1]
MODELS = ("ViT-B-32", "ViT-B-16", "ViT-L-14")
SUMMARY_PARTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One job in one process."""

    units: int
    cpu_s: float
    shuffled_bytes: int
    worker_bytes: int
    output_bytes: int


def main() -> None:
    """Measures, prints a table and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs=2, default=(400, 2000), help="pages of the two worlds")
    parser.add_argument("--out", type=pathlib.Path, default=COSTS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(asdict(run_job(given.job, given.folder))))
        return
    with tempfile.TemporaryDirectory(prefix="mm1-costs-") as temporary:
        small, large = (run_size(pathlib.Path(temporary) / str(pages), pages) for pages in given.pages)
    costs = costs_of(small, large, given.pages[1])
    given.out.write_text(to_json(costs, indent=1) + "\n")
    for name, job in costs.jobs.items():
        print(f"{name:11} {job.cpu_s * 1e3:9.3f} ms {job.shuffled_bytes:9.0f} B shuffled {job.output_bytes:9.0f} B out")


def run_size(folder: pathlib.Path, pages: int) -> dict[str, Measured]:
    """Returns what every job took on a world of so many pages."""
    generate(WorldConfig(out=folder / "world", pages=pages, seed=11))
    recipe = (ROOT / "recipes" / "quickstart.yaml").read_text()
    (folder / "recipe.yaml").write_text(recipe.replace("local-dir:../world", f"local-dir:{ROOT}/world"))
    found = {}
    for job in JOB_NAMES:
        command = [sys.executable, "-m", "benchmarks.costs", "--job", job, "--folder", str(folder)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        found[job] = Measured(**json.loads(done.stdout.splitlines()[-1]))
    return found


def run_job(name: str, folder: pathlib.Path) -> Measured:
    """Runs one job in this process and returns what it took; the jobs before it must be committed."""
    loaded = load_recipe(str(folder / "recipe.yaml"))
    recipe = replace(loaded.recipe, run=str(folder / "run"))
    with counted_shuffles() as shuffled:
        before = time.process_time()
        run_line(recipe, [load_job(name)], EngineSettings(name="inproc"))
        cpu_s = time.process_time() - before
    summary = RunFolder(recipe.run).committed(name)
    return Measured(
        units=summary.main().n_in,
        cpu_s=cpu_s,
        shuffled_bytes=sum(shuffled),
        worker_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        output_bytes=sum(part.n_bytes for part in summary.parts),
    )


@contextmanager
def counted_shuffles() -> Iterator[list[int]]:
    """Counts the encoded bytes that enter a GroupByKey of Beam's runner in this process; a Reshuffle is one too."""
    from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer

    sizes: list[int] = []
    append = GroupingBuffer.append

    def counting(buffer: Any, elements: bytes) -> None:
        sizes.append(len(elements))
        append(buffer, elements)

    GroupingBuffer.append = counting
    try:
        yield sizes
    finally:
        GroupingBuffer.append = append


def costs_of(small: dict[str, Measured], large: dict[str, Measured], pages: int) -> Costs:
    """Returns the costs per unit that two runs show."""
    json_bytes, memory_bytes = part_bytes()
    return Costs(
        jobs={name: job_costs(small[name], large[name], pages) for name in large},
        part_json_bytes=json_bytes,
        part_memory_bytes=memory_bytes,
        model_operations={name: model_operations(name) for name in MODELS},
    )


def job_costs(small: Measured, large: Measured, pages: int) -> JobCosts:
    """Returns the costs of one job."""
    units = large.units - small.units

    def slope(attribute: str) -> float:
        return max(0.0, float(getattr(large, attribute) - getattr(small, attribute)) / units)

    return JobCosts(
        units_per_page=round(large.units / pages, 4),
        cpu_s=round(slope("cpu_s"), 7),
        shuffled_bytes=round(slope("shuffled_bytes"), 1),
        output_bytes=round(slope("output_bytes"), 1),
        process_bytes=small.worker_bytes,
        unit_memory_bytes=round(slope("worker_bytes"), 1),
    )


def part_bytes() -> tuple[int, int]:
    """Returns what one part takes in a job's summary: bytes of JSON, and of memory once it is read."""
    import tracemalloc

    from schemas.json_form import from_json

    parts = tuple(
        PartRecord(
            table="fetches",
            path=f"fetch/fetches/part-urls-{number:05d}-of-{SUMMARY_PARTS:05d}.parquet",
            rows=1000 + number,
            n_bytes=10_000_000 + number,
            sha256=f"{number:064x}",
        )
        for number in range(SUMMARY_PARTS)
    )
    text = to_json(
        JobSummary(job="fetch", fingerprint="0" * 32, unit="url", counts={}, totals={}, parts=parts), indent=1
    )
    tracemalloc.start()
    held = from_json(text.encode(), JobSummary)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(text) // len(held.parts), peak // len(held.parts)


def model_operations(name: str) -> int:
    """Returns the floating-point operations (two a multiply-add) of one image through a CLIP's vision tower."""
    import open_clip
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    tower = open_clip.create_model(name, device="meta", load_weights=False).visual.eval()
    size = tower.image_size if isinstance(tower.image_size, int) else tower.image_size[0]
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        tower(torch.zeros(1, 3, size, size, device="meta"))
    return int(counter.get_total_flops())


if __name__ == "__main__":
    main()
