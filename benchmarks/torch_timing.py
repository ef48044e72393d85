"""Time and memory of a piece of torch work, on the CPU or on a GPU."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One case."""

    milliseconds: float
    """Best of the repeats. On the CPU processor time of one thread: other processes do not count."""

    peak_megabytes: float
    """Memory above what was there before the work began."""


def measure(work: Callable[[], object], *, device: torch.device, repeats: int = 3) -> Measurement:
    """Runs ``work`` once to warm up and ``repeats`` times for the clock."""
    if device.type == "cuda":
        return _measure_cuda(work, repeats)
    return _in_child(lambda: _measure_cpu(work, repeats))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a Markdown table; floats get three significant digits."""
    lines = [f"### {title}", "", _line(columns), _line(["---"] * len(columns))]
    return "\n".join([*lines, *(_line([_cell(value) for value in row]) for row in rows), ""])


def machine(device: torch.device) -> str:
    """Returns what the figures were taken on."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    return f"1 CPU thread ({torch.backends.cpu.get_cpu_capability()}), torch {torch.__version__}"


def _measure_cuda(work: Callable[[], object], repeats: int) -> Measurement:
    work()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    peak = torch.cuda.max_memory_allocated() - before
    return Measurement(milliseconds=min(times), peak_megabytes=peak / 1e6)


def _measure_cpu(work: Callable[[], object], repeats: int) -> Measurement:
    before = _current_megabytes()
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return Measurement(milliseconds=min(times), peak_megabytes=max(peak - before, 0.0))


def _in_child(run: Callable[[], Measurement]) -> Measurement:
    # The highest mark of a process's memory never falls, so each case has its own process.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            out.write(json.dumps(asdict(run())))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as results:
        text = results.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError("the measured work failed; see its traceback above")
    return Measurement(**json.loads(text))


def _current_megabytes() -> float:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) and value < 1000 else _whole(value)


def _whole(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
