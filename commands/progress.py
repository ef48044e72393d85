"""How a run shows that it goes on: live on a terminal, else a line now and then that a log can keep."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from commands import output

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from pipelines.runs.progress import JobProgress
    from schemas.summary import UnitCounts

LINE_EVERY_S = 30.0
MAX_REASONS = 4


def progress_line(progress: JobProgress, elapsed_s: float) -> str:
    """Returns the state of a job in words: ``fetch  412/900 items  45 %  ok 55 %  not_found 24 %  eta 0:38``.

    Args:
        progress: What the job's receipts say.
        elapsed_s: Since the job began, in seconds.
    """
    done, total = progress.done, progress.total
    parts = [f"{progress.job:<10}", f"{done:,}/{total:,} items" if total else "starting"]
    if total:
        parts.append(f"{done * 100 // total} %")
    for unit, counts in sorted(progress.counts.items(), key=lambda pair: -pair[1].n_in)[:1]:
        parts.append(f"{counts.n_in:,} {unit}s")
        parts.extend(_shares(counts))
    if 0 < done < total:
        parts.append(f"eta {_clock(elapsed_s * (total - done) / done)}")
    return "  ".join(parts)


def _shares(counts: UnitCounts) -> list[str]:
    if not counts.n_in or not counts.rejected:
        return []
    reasons = top_reasons(counts.rejected)
    return [f"{name} {count * 100 / counts.n_in:.0f} %" for name, count in [("ok", counts.n_out), *reasons]]


def top_reasons(rejected: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns the most frequent reasons, and the sum of all others."""
    ranked = sorted(rejected.items(), key=lambda pair: (-pair[1], pair[0]))
    others = sum(count for _, count in ranked[MAX_REASONS:])
    return ranked[:MAX_REASONS] + ([("others", others)] if others else [])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class ProgressDisplay:
    """Shows the progress of the job that runs. Use as a context manager."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._job = ""
        self._began_s = self._said_s = clock()
        self._live: Live | None = None

    def __enter__(self) -> ProgressDisplay:
        if sys.stderr.isatty() and not output.Verbosity.quiet:
            from rich.live import Live

            self._live = Live(console=output.console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def job(self, name: str) -> None:
        """Says that a job begins."""
        self._job = name
        self._began_s = self._said_s = self._clock()

    def update(self, progress: JobProgress) -> None:
        """Shows the state of the running job."""
        if progress.job != self._job:
            self.job(progress.job)
        now_s = self._clock()
        line = progress_line(progress, now_s - self._began_s)
        if self._live is not None:
            self._live.update(_text(line))
        elif now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            output.note(line)

    def say(self, line: str) -> None:
        """Writes a line that stays."""
        if output.Verbosity.quiet:
            return
        if self._live is not None:
            self._live.update(_text(""))
            self._live.console.print(_text(line))
        else:
            output.note(line)


def _text(line: str) -> Text:
    from rich.text import Text

    return Text(line)
