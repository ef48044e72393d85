"""The whole job from WARC to Parquet in one process: throughput and peak memory by the number of pages.

    python -m benchmarks.interleave_job [--pages 1000 5000 20000] [--folder FOLDER]

The labelled pages of ``benchmarks.extraction`` are packed into a WARC, compressed by record, each copy under a URL of
its own, and read by the worker of the job ``interleave``, without an engine around it. Each number of pages runs in a
process of its own: peak memory is that process's, before the first page and after the last.
"""

import argparse
import gzip
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks.extraction import LabelledPage, read_pages
from pipelines.inputs.planning import plan_pages
from pipelines.interleave.transform import InterleaveWorker
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from schemas.recipe import FetchSettings, InputSettings, Recipe
from tests.corpus import CORPUS


def write_archive(pages: list[LabelledPage], count: int, path: pathlib.Path) -> None:
    """Writes ``count`` pages, one gzip member each: the same pages again and again, under different URLs."""
    with path.open("wb") as file:
        for number in range(count):
            page = pages[number % len(pages)]
            file.write(gzip.compress(_record(f"https://example.org/{number}/", page.body), 6, mtime=0))


def _record(url: str, body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def run_job(archive: pathlib.Path, run: str) -> dict[str, float]:
    """Runs the job's worker over an archive; returns CPU seconds, and peak memory in MiB before and after."""
    recipe = Recipe(
        version=1, run=run, input=InputSettings(pages=(str(archive),)), fetch=FetchSettings(source="archive")
    )
    context = JobContext(run=run, job="interleave", recipe=recipe, fingerprint="benchmark")
    worker = InterleaveWorker(recipe.interleave)
    worker.setup()
    items = plan_pages([str(archive)])
    before_mib, before = _peak_mib(), time.process_time()
    for number, item in enumerate(items):
        with ItemOutput(context, number, len(items)) as output:
            worker.run(item, output)
    return {"cpu_s": time.process_time() - before, "before_mib": before_mib, "after_mib": _peak_mib()}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints a line for each number of pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="+", default=[1_000, 5_000, 20_000])
    parser.add_argument("--folder", type=pathlib.Path, default=CORPUS / "extraction")
    parser.add_argument("--archive", type=pathlib.Path, help="run over this archive and print JSON, nothing else")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.archive is not None:
            print(json.dumps(run_job(arguments.archive, f"{folder}/run")))
            return
        pages = read_pages(arguments.folder)
        print(f"{'pages':>6} {'pages/s/core':>13} {'CPU ms/page':>12} {'MiB before':>11} {'MiB peak':>9}")
        for count in arguments.pages:
            archive = pathlib.Path(folder) / f"{count}.warc.gz"
            write_archive(pages, count, archive)
            command = [sys.executable, "-m", "benchmarks.interleave_job", "--archive", str(archive)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            archive.unlink()
            print(
                f"{count:6} {count / found['cpu_s']:13.0f} {1000 * found['cpu_s'] / count:12.2f}"
                f" {found['before_mib']:11.0f} {found['after_mib']:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
