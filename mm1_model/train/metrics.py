"""``metrics.jsonl``: one line a step, in order, each step once, whatever was killed and resumed in between."""

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

_log = logging.getLogger(__name__)


class MetricsLog:
    """Appends lines; a failing disk costs lines, not the run."""

    def __init__(self, path: Path, *, steps_done: int) -> None:
        """Opens the log and drops lines of steps after ``steps_done``, which will be taken again.

        Args:
            path: The file; made if missing.
            steps_done: Steps behind the checkpoint that the run goes on from.
        """
        self._path = path
        _keep_until(path, steps_done)
        self._stream: TextIO | None = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Appends one line and flushes it, so that the file can be followed while training."""
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(record, allow_nan=False) + "\n")
            self._stream.flush()
        except OSError as error:
            _log.warning("no more metrics are written to %s: %s", self._path, error)
            self.close()

    def close(self) -> None:
        """Closes the file."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # Reported when the line was written.
                stream.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Returns the whole lines of a log. A last line cut by a kill is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def _keep_until(path: Path, steps_done: int) -> None:
    if not path.exists():
        return
    kept = [record for record in read_metrics(path) if record["step"] <= steps_done]
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in kept)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
