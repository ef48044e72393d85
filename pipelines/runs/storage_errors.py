"""What went wrong with a path, in one sentence that names the cause and what to do about it."""

import errno
import re

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class StorageError(Exception):
    """A path cannot be used: the outside world is at fault, not the data.

    No ``OSError``: readers of foreign files take those for damage of the file, and reject it. A network that is down
    or a disk that is full must stop the run, since the next one would give other bytes.
    """


class ShortFileError(OSError):
    """A file ends before the bytes that were asked for."""


_MOST_CHARACTERS = 300

_FORBIDDEN = re.compile(r"\b(401|403|forbidden|access ?denied|unauthorized|permission|credentials?)\b", re.IGNORECASE)
_BUSY = re.compile(
    r"\b(429|50[0234]|slow ?down|too many requests|reduce your request rate|unavailable)\b", re.IGNORECASE
)


def storage_error(path: str, action: str, error: Exception) -> StorageError:
    """Returns the error to raise for one that a disk or a driver raised.

    Args:
        path: What was to be used.
        action: What was to be done: ``read``, ``written``, ``listed`` or ``removed``.
        error: As the operating system or the driver raised it.
    """
    if isinstance(error, StorageError):
        return error
    cause = _cause(error)
    return StorageError(f"{path} cannot be {action}: {cause}; {_advice(path, action, error, cause)}")


def _cause(error: Exception) -> str:
    """Returns one line of the error's text; drivers hand on whole documents."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    unsaid = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    line = " ".join(text.split()) or unsaid
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}..."


def _advice(path: str, action: str, error: Exception, cause: str) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in NO_ROOM:
        return "make room there (or raise the limit) and run the same command again, or choose another run folder"
    if isinstance(error, PermissionError) or number in NO_PERMISSION or _FORBIDDEN.search(f"{cause} {error!r}"):
        return f"give the account that workers run as the right to {_right(action)}, or correct its credentials"
    if _BUSY.search(f"{cause} {error!r}"):
        return "the store refused it after all retries: wait and run the same command again, with fewer --workers"
    if isinstance(error, FileNotFoundError):
        return "create the bucket or folder, or correct the path"
    if "://" in path:
        return "check that the store can be reached from here, and run the same command again"
    return "check the disk, and run the same command again"


def _right(action: str) -> str:
    return {"read": "read", "listed": "list", "removed": "delete"}.get(action, "write") + " there"
