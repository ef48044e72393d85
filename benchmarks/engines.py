"""One run on every engine against the same functions without one: wall, CPU and memory by kind of process.

    python -m benchmarks.engines --pages 5000
    python -m benchmarks.engines --pages 1000 5000 20000 --engines plain local

Spark and Flink need job servers: `make job-server`, then MM1_SPARK_JOB_SERVER and MM1_FLINK_JOB_SERVER name them; an
engine whose job server is not there is left out and named. Every run must leave the bytes of the first one.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace

from world import WorldConfig, generate

ROOT = pathlib.Path(__file__).parents[1]
ENGINES = ("plain", "inproc", "local", "spark", "flink")
JOB_SERVERS = {"spark": "MM1_SPARK_JOB_SERVER", "flink": "MM1_FLINK_JOB_SERVER"}
SAMPLE_S = 0.2
WEIGH_S = 1.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Usage:
    """What the processes of one run used, by kind: ``submitter``, ``workers``, ``JVM``."""

    wall_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    peak_bytes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Of all processes of a kind together; a page that several share counts once."""

    processes: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def main() -> None:
    """Prints a table for each number of pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs="+", default=[5000])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plain", type=pathlib.Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain:
        run_plain(*given.plain)
        return
    for pages in given.pages:
        with tempfile.TemporaryDirectory(prefix="mm1-engines-") as temporary:
            measure_all(pathlib.Path(temporary), pages, given.engines, given.workers)


def run_plain(recipe: pathlib.Path, out: pathlib.Path) -> None:
    """Runs the functions of all jobs in this process."""
    from benchmarks.plain_runner import run_plain as run
    from pipelines.recipe import load_recipe

    run(replace(load_recipe(str(recipe)).recipe, run=str(out)))


def measure_all(folder: pathlib.Path, pages: int, engines: list[str], workers: int) -> None:
    """Runs every engine on one world, compares their bytes, and prints what they used."""
    generate(WorldConfig(out=folder / "world", pages=pages, seed=7))
    recipe = folder / "recipe.yaml"
    text = (ROOT / "recipes" / "quickstart.yaml").read_text()
    recipe.write_text(text.replace("local-dir:../world", f"local-dir:{ROOT}/world"))
    print(f"\n{pages:,} pages, {workers} workers", flush=True)
    first: dict[str, str] | None = None
    base: float | None = None
    for engine in engines:
        variable = JOB_SERVERS.get(engine)
        if variable and variable not in os.environ:
            print(f"{engine:7} left out: {variable} is not set", flush=True)
            continue
        out = folder / engine
        usage = measure(command(engine, recipe, out, workers), folder / f"{engine}.log")
        found = digests(out)
        first = first or found
        base = base or sum(usage.cpu_s.values())
        print(line(engine, usage, base, differing(found, first)), flush=True)


def command(engine: str, recipe: pathlib.Path, out: pathlib.Path, workers: int) -> list[str]:
    """Returns the words that run a recipe on an engine."""
    if engine == "plain":
        return [sys.executable, "-m", "benchmarks.engines", "--plain", str(recipe), str(out)]
    words = [str(pathlib.Path(sys.executable).with_name("mm1")), "run", str(recipe), "--out", str(out), "-q"]
    return [*words, "--engine", engine, "--workers", str(workers)]


def measure(words: list[str], log: pathlib.Path) -> Usage:
    """Runs a command in a session of its own and returns what all processes of the session used."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SPARK_LOCAL_IP": "127.0.0.1"}
    usage = Usage()
    begun = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(words, cwd=ROOT, stdout=file, stderr=file, env=environment, start_new_session=True)
        sampler = Sampler(process.pid, usage)
        sampler.start()
        code = process.wait()
        sampler.stop()
    usage.wall_s = time.monotonic() - begun
    if code:
        raise SystemExit(f"{' '.join(words)} ended with {code}:\n{log.read_text()[-3000:]}")
    return usage


class Sampler(threading.Thread):
    """Reads the processes of a session a few times a second; the last reading of each one counts."""

    def __init__(self, session: int, usage: Usage) -> None:
        super().__init__(daemon=True)
        self._session, self._usage = session, usage
        self._last: dict[int, tuple[str, float]] = {}
        self._next_weighing = 0.0
        self._stopped = threading.Event()

    def run(self) -> None:
        """Samples until stopped."""
        while not self._stopped.wait(SAMPLE_S):
            self._sample()

    def stop(self) -> None:
        """Ends the sampling and adds it up."""
        self._stopped.set()
        self.join()
        for kind, cpu_s in self._last.values():
            self._usage.cpu_s[kind] += cpu_s
            self._usage.processes[kind] += 1

    def _sample(self) -> None:
        memory: dict[str, int] = defaultdict(int)
        weigh = time.monotonic() >= self._next_weighing
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            try:
                fields = pathlib.Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                words = pathlib.Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            if int(fields[3]) != self._session or fields[0] == "Z":
                continue
            kind = kind_of(int(entry.name), self._session, words)
            memory[kind] += proportional_bytes(entry.path) if weigh else 0
            self._last[int(entry.name)] = (kind, (int(fields[11]) + int(fields[12])) / TICKS)
        if weigh:
            self._next_weighing = time.monotonic() + WEIGH_S
        for kind, n_bytes in memory.items():
            self._usage.peak_bytes[kind] = max(self._usage.peak_bytes[kind], n_bytes)


def proportional_bytes(process: str) -> int:
    """Returns the memory of a process, of shared pages its share."""
    try:
        lines = pathlib.Path(process, "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0  # it has just ended
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def kind_of(pid: int, session: int, words: str) -> str:
    """Returns the kind of a process of a run."""
    if pid == session:
        return "submitter"
    return "JVM" if words.split(" ", maxsplit=1)[0].endswith("java") else "workers"


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Returns the names of files that are in one run alone or differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def line(engine: str, usage: Usage, base: float, others: list[str]) -> str:
    """Returns one engine's row."""
    cpu_s = sum(usage.cpu_s.values())
    kinds = ", ".join(
        f"{kind} {usage.cpu_s[kind]:.1f} s {usage.peak_bytes[kind] / 1e6:.0f} MB ({usage.processes[kind]})"
        for kind in sorted(usage.cpu_s)
    )
    bytes_are = f"{len(others)} OTHER FILES, as {others[0]}" if others else "equal bytes"
    return f"{engine:7} wall {usage.wall_s:6.1f} s  CPU {cpu_s:6.1f} s  x{cpu_s / base:.2f}  {bytes_are}  | {kinds}"


def digests(run: pathlib.Path) -> dict[str, str]:
    """Returns the sha256 of every file of a run but its lock."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


if __name__ == "__main__":
    main()
