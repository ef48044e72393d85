"""Takes from a process what decoding does not need: time, memory, files, network, children."""

import ctypes
import resource
import struct

MEMORY_BYTES = 3 << 30
"""Address space, of which numpy and the libraries reserve a part without using it."""

CPU_S = 10
"""Of one image. A decode of the largest allowed image takes about 2."""

_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that a version of Landlock knows (linux/landlock.h), from that version on."""

_NETWORK_RIGHTS = 0b11
"""Binding and connecting TCP sockets; from version 4 on."""


def confine() -> bool:
    """Confines this process for the rest of its life; returns whether files and network are closed to it too.

    They are closed by Landlock (Linux 5.13; TCP from 6.7). Where the kernel has none, the limits alone hold. All
    modules must have been imported: none can be read afterwards.
    """
    memory = _at_most_hard(resource.RLIMIT_AS, MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # Not for root, whom the kernel lets fork all the same.
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return _close_files_and_network()


def _at_most_hard(limit: int, wanted: int) -> int:
    """Returns a limit as far as this process may have it: one who has less already cannot raise it."""
    _, hard = resource.getrlimit(limit)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def allow_cpu_time(seconds: int) -> None:
    """Grants the next image its processor time; a process that uses it up dies, even inside a C library."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def landlock_version() -> int:
    """Returns the version of Landlock that the kernel has; 0 or less where it has none."""
    return int(_libc().syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION_FLAG))


def _close_files_and_network() -> bool:
    libc, version = _libc(), landlock_version()
    if version < 1:
        return False
    files = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]
    rules = struct.pack("=QQ", files, _NETWORK_RIGHTS) if version >= 4 else struct.pack("=Q", files)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return False
    # No rule is added: everything that the ruleset handles is refused.
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
