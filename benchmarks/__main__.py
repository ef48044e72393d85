"""Runs the benchmarks one after the other: ``python -m benchmarks [NAME ...]``, without names all; ``--list``.

Each is a program of its own (``python -m benchmarks.shards --help``) that prints a table; a peer that is not installed
is left out and named. Run them on a quiet machine: ratios within one run hold anywhere, seconds do not.
"""

import ast
import pathlib
import subprocess
import sys
from collections.abc import Sequence

FOLDER = pathlib.Path(__file__).parent
NAMES = (
    "extraction",
    "interleave_job",
    "fetch",
    "mix_plan",
    "shards",
    "engines",
    "attention",
    "moe",
    "generate",
)
"""In the order of the line; ``costs`` is not among them, for it rewrites the measured costs of the project, nor
``page_types``, for it needs pages that are to be fetched first."""


def main(arguments: Sequence[str]) -> int:
    """Runs the named benchmarks and returns 1 if one failed, 2 if a name is none of them."""
    if "--list" in arguments or "--help" in arguments:
        for name in NAMES:
            print(f"{name:<15} {summary(name)}")
        return 0
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        print(f"error: no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = [name for name in arguments or NAMES if not succeeds(name)]
    if failed:
        print(f"error: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def summary(name: str) -> str:
    """Returns the first line of a benchmark's docstring."""
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or ""
    return text.splitlines()[0]


def succeeds(name: str) -> bool:
    """Runs one benchmark and returns whether it ended well."""
    print(f"\n## {name}: {summary(name)}", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
