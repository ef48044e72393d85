"""Where CPU time goes, native code apart: of each of our functions, its own time and that of a library it calls.

Python's own profilers count a C function without a frame, such as a property of an extension type, to its caller.
py-spy (https://github.com/benfred/py-spy) looks at the native stack too.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SAMPLES_PER_SECOND = 250

_PYTHON_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+\.py):\d+\)$")


@dataclass(slots=True)
class OwnTime:
    """Samples by function, ``"name (file)"``: those where it runs itself, and those where it waits for the library."""

    own: Counter[str] = field(default_factory=Counter)
    in_library: Counter[str] = field(default_factory=Counter)


def sample(arguments: list[str], *, library: str, inside: str) -> OwnTime:
    """Runs ``python ARGUMENTS`` to its end and returns its functions' times.

    Args:
        arguments: Of the interpreter.
        library: Whose native frames count apart: a part of their names or paths.
        inside: Only samples under this function count.

    Raises:
        subprocess.CalledProcessError: The program, or py-spy, failed; what they said is on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder, "stacks")
        py_spy = str(Path(sys.executable).with_name("py-spy"))
        command = [py_spy, "record", "--native", "--rate", str(SAMPLES_PER_SECOND), "--format", "raw"]
        command += ["--output", str(stacks), "--", sys.executable, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return count(stacks.read_text(encoding="utf-8").splitlines(), library=library, inside=inside)


def count(stacks: list[str], *, library: str, inside: str) -> OwnTime:
    """Returns the times in collapsed stacks: lines ``frame;frame;... SAMPLES``, outermost frame first."""
    times = OwnTime()
    for line in stacks:
        stack, _, samples = line.rpartition(" ")
        frames = stack.split(";")
        python = [(number, match) for number, frame in enumerate(frames) if (match := _PYTHON_FRAME.match(frame))]
        if not any(match["function"] == inside for _, match in python):
            continue
        last, match = python[-1]
        is_in_library = any(library in frame for frame in frames[last + 1 :])
        (times.in_library if is_in_library else times.own)[f"{match['function']} ({match['file']})"] += int(samples)
    return times
