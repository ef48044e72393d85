"""Recipes and training settings that ship with the program: ``mm1 init`` copies one to edit."""

import pathlib
from importlib import resources

SUFFIX = ".yaml"
SHIPPED_MODELS = "local-dir:../world/"
"""How a recipe in this folder names a model that ships with the program."""


def names() -> list[str]:
    """Returns the names that ``mm1 init`` knows, in order."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX))


def text(name: str) -> str:
    """Returns a recipe's text.

    Raises:
        KeyError: There is none of this name.
    """
    if name not in names():
        raise KeyError(name)
    return resources.files(__name__).joinpath(name + SUFFIX).read_text(encoding="utf-8")


def to_copy(name: str) -> str:
    """Returns a recipe's text for another folder: shipped models are named by their absolute paths.

    Raises:
        KeyError: There is none of this name.
    """
    world = pathlib.Path(__file__).resolve().parents[1] / "world"
    return text(name).replace(SHIPPED_MODELS, f"local-dir:{world}/")


def summary(name: str) -> str:
    """Returns what a recipe is for: its first comment line that is not for an editor."""
    lines = (line.lstrip("# ").rstrip() for line in text(name).splitlines() if line.startswith("#"))
    return next((line for line in lines if line and not line.startswith("yaml-language-server")), "")
