"""``mm1 doctor``: what is installed and what this machine has; what to paste into a report of a bug."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.program import command, json_option

PACKAGES = (
    "mm1",
    "apache-beam",
    "pyarrow",
    "pillow",
    "selectolax",
    "aiohttp",
    "tokenizers",
    "torch",
    "open-clip-torch",
)
EXTRAS = {
    "models": ("torch", "open_clip", "torchvision", "safetensors"),
    "dataflow": ("google.cloud.dataflow_v1beta3",),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
    "query": ("duckdb",),
}
JAVA = "17"
"""What Beam's Spark 3 and Flink job servers of this version run on."""


@command(
    examples="""
mm1 doctor
mm1 doctor --json
mm1 doctor --preset 3B
"""
)
@click.option("--preset", "name", metavar="NAME", help="Parameters and FLOPs of a model preset instead.")
@json_option
def doctor(name: str | None, as_json: bool) -> None:
    """Shows versions, extras, Java, disk and GPU; or what a model preset holds."""
    if name is not None:
        _preset(name, as_json)
        return
    facts = dict(collect())
    if as_json:
        output.json_result({"facts": facts})
    else:
        output.table(None, ("what", "found"), list(facts.items()))


def collect() -> Iterator[tuple[str, str]]:
    """Yields what there is, by name. Imports torch only where it is installed."""
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"
    yield "memory", _memory()
    yield "free disk here", f"{shutil.disk_usage('.').free / 1e9:.1f} GB"
    for package in PACKAGES:
        yield package, _version(package)
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _is_installed(module)]
        yield (
            f"extra {extra}",
            f"pip install 'mm1[{extra}]' (missing: {', '.join(missing)})" if missing else "installed",
        )
    yield "java", _java()
    yield "gpu", _gpu()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _memory() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 1e9:.1f} GB"


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if program is None or not os.path.exists(program):
        return f"not found; the Spark and Flink engines need Java {JAVA}"
    done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=20, check=False)
    line = (done.stderr or done.stdout).splitlines()[0] if done.stderr or done.stdout else "no answer"
    return line if f'"{JAVA}' in line else f"{line}; the Spark and Flink engines need Java {JAVA}"


def _gpu() -> str:
    if not _is_installed("torch"):
        return "unknown: torch is not installed"
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _preset(name: str, as_json: bool) -> None:
    import dataclasses
    import difflib

    from commands.models import require_torch
    from mm1_model.presets import PRESETS

    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise CommandError(f"no preset {name!r}.{hint} There are: {', '.join(PRESETS)}", Exit.USAGE)
    require_torch()
    from mm1_model.presets.describe import describe_preset

    description = describe_preset(name)
    if as_json:
        output.json_result(dataclasses.asdict(description))
    else:
        output.result("\n".join(description.lines()))
