"""Writes and reads 20,000 samples of 20 kB: our shards against what others use.

    python -m benchmarks.shards --peers-python OTHER_ENVIRONMENT/bin/python

``write`` is everything from bytes in memory to closed files; ``write-small`` has samples of 2 kB, ``write-large`` a
tenth as many of 200 kB. ``raw`` hands out the bytes of every member, ``decoded`` gives RGB at 224 x 224 pixels: ours by
our loader's decoder, those of others by Pillow, as their users do. What decoding and resizing cost by themselves, the
floor, is measured in turns with reading, on the same bytes in one process. At the end stand the targets with what was
measured.

Every case runs in a process of its own, so that imports and allocators do not meet. Rounds of all cases follow one
another, and the round with the least CPU time counts: the CPU time of a process and of those it starts depends less
than wall time on who else uses the machine. Packages that are not installed are left out and named; ``--peers-python``
is the environment of those that do not go together with ours (``pip install mosaicml-streaming litdata pillow``).
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from benchmarks.shards_data import fresh, make_samples, pictures
from benchmarks.shards_read import OURS, READERS, decode_ours, decode_theirs, prepare
from benchmarks.shards_write import WRITERS

WARM_UP = 200
"""Samples that are read before the clock runs."""

TURN = 128
"""Samples between two turns of reading and of the floor."""

FLOOR = "decoded: CPU time, times decoding and resizing alone"

SIZES_KB = {"write": 20, "write-small": 2, "write-large": 200}
FOREIGN = ("streaming", "litdata")
"""Cases of the other environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of one case."""

    samples: int
    megabytes: float
    """Of images and JSON; for ``decoded`` of what was decoded."""

    wall_s: float
    cpu_s: float
    """Of all threads and of processes that were started and have ended."""

    peak_mb: float
    """Largest resident size."""

    floor_cpu_s: float | None = None
    """Of decoding and resizing the same bytes from memory, for our reader alone."""


def cpu_s() -> float:
    """Returns the CPU seconds of this process and of its ended children."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def peak_mb() -> float:
    """Returns the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_write(name: str, mode: str, work: pathlib.Path, count: int) -> Measured:
    """Runs a writer in this process."""
    samples = make_samples(work, count if mode != "write-large" else count // 10, SIZES_KB[mode])
    n_bytes = sum(len(image) + len(meta) for image, meta in samples)
    write = WRITERS[name]()
    # What a library imports late, and memory that a virtual machine has yet to get from its host, count for nobody.
    write(fresh(work / "warm-up"), samples[:20])
    _touch_page_cache(work / "warm-up" / "zeros", n_bytes)
    # The readers take what the peers wrote; ours is made with its index, by ``prepare``.
    folder = fresh(work / (name if mode == "write" and name != "mm1" else f"{name}-{mode}"))
    wall, cpu = time.perf_counter(), cpu_s()
    write(folder, samples)
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    return Measured(samples=len(samples), megabytes=n_bytes / 1e6, wall_s=wall, cpu_s=cpu, peak_mb=peak_mb())


def _touch_page_cache(path: pathlib.Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(n_bytes // (1 << 20) + 100):
            file.write(bytes(1 << 20))
    path.unlink()


def measure_read(name: str, mode: str, work: pathlib.Path, count: int) -> Measured:
    """Runs a reader in this process; raises where it does not give every sample."""
    if mode == "decoded":
        import torch

        torch.set_num_threads(1)
    decode = (decode_ours if name == OURS else decode_theirs) if mode == "decoded" else None
    seen = n_bytes = 0
    clock, floor = Clock(), Clock()
    turn: list[bytes] = []
    clock.start()
    for parts in READERS[name](work, count):
        seen += 1
        n_bytes += len(parts[0]) + len(parts[1])
        if decode is not None:
            image = bytes(parts[0])
            decode(image)
            turn += [image] if name == OURS else []
        if len(turn) == TURN:
            clock.stop()
            with floor:
                for image in turn:
                    decode_ours(image)
            turn = []
            clock.start()
        if seen == WARM_UP:
            n_bytes, turn = 0, []
            clock, floor = Clock(), Clock()
            clock.start()
    clock.stop()
    if seen != count:
        raise RuntimeError(f"{name} gave {seen} of {count} samples")
    # The samples of the last turn were read but not decoded a second time.
    decoded_twice = count - WARM_UP - len(turn)
    floor_cpu_s = floor.cpu_s * (count - WARM_UP) / decoded_twice if floor.cpu_s else None
    return Measured(
        samples=seen - WARM_UP,
        megabytes=n_bytes / 1e6,
        wall_s=clock.wall_s,
        cpu_s=clock.cpu_s,
        peak_mb=peak_mb(),
        floor_cpu_s=floor_cpu_s,
    )


class Clock:
    """Wall and CPU seconds between starts and stops."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def start(self) -> None:
        """Goes on."""
        self.wall_s -= time.perf_counter()
        self.cpu_s -= cpu_s()

    def stop(self) -> None:
        """Pauses."""
        self.wall_s += time.perf_counter()
        self.cpu_s += cpu_s()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "16777216",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}
"""Without these, image buffers are mapped anew for each sample in some processes and not in others."""


def run_case(name: str, mode: str, arguments: argparse.Namespace) -> Measured | str:
    """Runs one case in a process of its own; returns its numbers, or why there are none."""
    python = arguments.peers_python if name in FOREIGN else sys.executable
    command = [python, "-m", "benchmarks.shards", "--case", f"{name}:{mode}", "--work", str(arguments.work)]
    command += ["--samples", str(arguments.samples)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_ALLOCATOR})
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def run_mode(mode: str, arguments: argparse.Namespace) -> tuple[dict[str, Measured], dict[str, str]]:
    """Returns the best round of each case, and why others have none."""
    cases = WRITERS if mode in SIZES_KB else READERS
    best: dict[str, Measured] = {}
    failed: dict[str, str] = {}
    for _ in range(arguments.rounds):
        for name in cases:
            numbers = run_case(name, mode, arguments)
            if isinstance(numbers, str):
                failed[name] = numbers
            elif name not in best or numbers.cpu_s < best[name].cpu_s:
                best[name] = numbers
    return best, failed


def print_table(mode: str, best: dict[str, Measured], failed: dict[str, str]) -> None:
    """Prints the cases of a mode, the cheapest first."""
    print(f"\n### {mode}\n")
    print("| case | samples/s | MB/s | samples/CPU s | MB/CPU s | times webdataset (CPU) | peak memory |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    base = best.get("webdataset")
    for name, it in sorted(best.items(), key=lambda item: item[1].cpu_s):
        speeds = [n / s for s in (it.wall_s, it.cpu_s) for n in (it.samples, it.megabytes)]
        ratio = f"{base.cpu_s / it.cpu_s:.2f}" if base else ""
        print(f"| {name} | {' | '.join(f'{speed:,.0f}' for speed in speeds)} | {ratio} | {it.peak_mb:.0f} MB |")
    for name, why in failed.items():
        print(f"| {name} | not measured: {why[:100]} | | | | | |")
    sys.stdout.flush()


def targets(measured: Mapping[str, Mapping[str, Measured]]) -> Iterator[tuple[str, float, float]]:
    """Yields ``(what, needed, measured)`` for what the measured modes have; more is better in all but the floor."""
    write, raw, decoded = (measured.get(mode, {}) for mode in ("write", "raw", "decoded"))
    if OURS in write:
        ours = write[OURS]
        yield "samples written a second", 40_000, ours.samples / ours.wall_s
        yield "MB written a second", 700, ours.megabytes / ours.wall_s
    if {OURS, "webdataset"} <= set(raw):
        yield "raw samples a CPU second, times webdataset", 7, raw["webdataset"].cpu_s / raw[OURS].cpu_s
        yield "raw samples a second, times webdataset", 7, raw["webdataset"].wall_s / raw[OURS].wall_s
    if OURS in decoded:
        ours, others = decoded[OURS], [it for name, it in decoded.items() if name != OURS]
        if others:
            yield "decoded a CPU second, times the best other", 1.3, min(it.cpu_s for it in others) / ours.cpu_s
            yield "decoded a second, times the best other", 1.3, min(it.wall_s for it in others) / ours.wall_s
        if ours.floor_cpu_s is not None:
            yield FLOOR, 1.15, ours.cpu_s / ours.floor_cpu_s


def print_targets(measured: Mapping[str, Mapping[str, Measured]]) -> None:
    """Prints what was to be reached and what was."""
    print("\n### targets\n\n| what | target | measured | holds |\n| --- | --- | --- | --- |")
    for what, needed, value in targets(measured):
        holds = value <= needed if what == FLOOR else value >= needed
        sign = "at most" if what == FLOOR else "at least"
        digits = 0 if needed >= 100 else 3
        print(f"| {what} | {sign} {needed:,} | {value:,.{digits}f} | {'yes' if holds else 'no'} |")


def main() -> None:
    """Prints a table for each mode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/mm1-benchmark-shards"))
    parser.add_argument("--peers-python", default=sys.executable, help="where streaming and litdata are installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default="write,write-small,write-large,raw,decoded")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        name, mode = arguments.case.split(":")
        measure = measure_write if mode in SIZES_KB else measure_read
        print(json.dumps(asdict(measure(name, mode, arguments.work, arguments.samples))))
        return
    pictures(arguments.work)
    measured: dict[str, dict[str, Measured]] = {}
    for mode in arguments.modes.split(","):
        measured[mode], failed = run_mode(mode, arguments)
        print_table(mode, measured[mode], failed)
        if mode == "write":
            prepare(arguments.work, arguments.samples)
    print_targets(measured)


if __name__ == "__main__":
    main()
