"""How a command ends: exit codes, and the error that carries one."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the program."""

    DONE = 0
    FAILED_CHECK = 1
    """The data failed a check."""

    USAGE = 2
    """Wrong usage or settings: the user can fix it."""

    OUTSIDE = 3
    """The outside world: credentials, a missing model file, no room on the disk."""

    UNFINISHED = 4
    """Finished with failed items that a re-run resumes."""

    STOPPED = 130
    """Stopped by the user (128 + SIGINT); what was done is kept."""


class CommandError(Exception):
    """Ends the program with a message and an exit code, without a traceback."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code
