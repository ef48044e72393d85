"""SIGINT and SIGTERM: the program ends soon and leaves no process behind."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from types import FrameType

from commands.errors import Exit


class Stop:
    """Whether a signal has asked the program to end."""

    asked = False


def stop_on_signals() -> None:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt, after ending the worker processes.

    Beam waits without end for its local workers when the launcher is interrupted alone, so they go first. A second
    signal ends the program at once. Handlers can be set by the main thread alone; elsewhere nothing is changed.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)


def leave(code: int) -> int:
    """Returns ``code``; after a signal the process ends here, since threads of Beam would keep it waiting."""
    if Stop.asked:
        os._exit(code)
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    if Stop.asked:
        os._exit(Exit.STOPPED)
    Stop.asked = True
    # Threads of Beam complain that their workers are gone; the user knows why.
    threading.excepthook = lambda arguments: None
    logging.disable()
    _end(os.getpid())
    raise KeyboardInterrupt


def _end(root: int) -> None:
    """Ends all that a process has started. Each is halted first, so that none starts another while they are looked up:
    the child of a process that has ended is no descendant any more.
    """
    halted: list[int] = []
    while new := [process for process in descendants(root) if process not in halted]:
        for process in new:
            _send(process, signal.SIGSTOP)
        halted += new
    for process in halted:
        _send(process, signal.SIGKILL)


def _send(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def descendants(root: int) -> list[int]:
    """Returns the children of a process and theirs, parents first. Reads ``/proc``: empty where there is none."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                children.setdefault(_parent(int(name)), []).append(int(name))
    found = [root]
    for process in found:
        found.extend(children.get(process, ()))
    return found[1:]


def _parent(process: int) -> int:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            # The name of the program stands in brackets and may hold anything; the state and the parent come after it.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
