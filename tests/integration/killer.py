"""Runs ``mm1`` and dies by SIGKILL just before the N-th file of a job gets its name.

python killer.py JOB N mm1-arguments...
"""

import os
import signal
import sys

from beam_runner import main


def die_before_publishing(job: str, number: int) -> None:
    """Arms the kill: every file of the data jobs gets its name by ``os.replace``."""
    replace = os.replace
    seen = 0

    def counting(source: str, destination: str) -> None:
        nonlocal seen
        if f"/{job}/" in str(destination):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
        replace(source, destination)

    os.replace = counting  # type: ignore[assignment]


if __name__ == "__main__":
    die_before_publishing(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["mm1", *sys.argv[3:]]
    main()
