"""From a YAML file to checked settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from settings import source as sources
from settings.check import Checker
from settings.problems import Path, Place, Problem, SettingsError
from settings.source import Source

T = TypeVar("T")

ADVICE = "Nothing was run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[T]):
    """Checked settings, and where each of them was given."""

    value: T
    source: Source

    def place(self, path: Path) -> Place:
        """Returns where the setting at ``path`` was given, or its nearest parent that was."""
        return self.source.place(path)

    def is_given(self, path: Path) -> bool:
        """Returns whether ``path`` was given at all, or has its default."""
        return path in self.source.places


def load_settings(
    path: str, settings_type: type[T], overrides: Sequence[str] = (), *, advice: str = ADVICE
) -> Loaded[T]:
    """Reads ``path`` as ``settings_type``, a dataclass; ``overrides`` are ``key.path=VALUE`` and come last.

    Raises:
        SettingsError: With every mistake that the file and the overrides have, each with its place.
    """
    source = sources.read_file(path)
    sources.override(source, overrides)
    return check_source(source, settings_type, advice=advice)


def check_source(source: Source, settings_type: type[T], *, advice: str = ADVICE) -> Loaded[T]:
    """Checks what was read.

    Raises:
        SettingsError: With every mistake.
    """
    value, faults = Checker(settings_type).check(source.data)
    broken = {problem.path for problem in source.problems}
    for path, messages in faults.items():
        if path not in broken:
            for message in messages:
                source.add(path, message)
    if source.problems or value is None:
        raise SettingsError(sorted(source.problems, key=_order), advice)
    return Loaded(value=value, source=source)


def _order(problem: Problem) -> tuple[bool, int, int]:
    place = problem.place or Place(origin="")
    return place.line is None, place.line or 0, place.column or 0
