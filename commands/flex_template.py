"""The main file of the Dataflow Flex template: its parameters become ``mm1 run``, one job a launch.

The launcher in Google's image starts a Python file with ``--name=value`` for each parameter of the template and each
option of Dataflow, all alike. Ours go before ``--``, all others to Beam. Parameters are described in
``docker/flex-template.json``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

PARAMETERS = ("recipe", "job", "out", "set")
"""``recipe`` and ``job`` must be given; ``set`` holds settings apart by ``;``."""


def run_words(arguments: Sequence[str]) -> list[str]:
    """Returns the words of ``mm1`` for the arguments of the launcher.

    Raises:
        SystemExit: A parameter is missing.
    """
    given: dict[str, str] = {}
    beam: list[str] = []
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if name in PARAMETERS:
            given[name] = value
        else:
            beam.append(argument)
    for name in ("recipe", "job"):
        if not given.get(name):
            raise SystemExit(f"the template needs the parameter {name!r}; given: {', '.join(sorted(given)) or 'none'}")
    words = ["run", given["recipe"], "--engine", "dataflow", "--no-wait", "--jobs", given["job"]]
    if given.get("out"):
        words += ["--out", given["out"]]
    for setting in given.get("set", "").split(";"):
        words += ["--set", setting.strip()] if setting.strip() else []
    return [*words, "--", *(flag for flag in beam if not flag.startswith("--runner="))]


if __name__ == "__main__":
    from beam_runner import main

    sys.exit(main(run_words(sys.argv[1:])))
