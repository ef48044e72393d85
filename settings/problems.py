"""What is wrong with a file of settings, and where: one line a problem, the source line beneath."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file, for example ``("input", "pages", 0)``."""

MAX_SHOWN = 60
"""Characters of a value that a message repeats."""

_SECRET = re.compile(r"(?i)(secret|token|password|passwd|credential|api_?key|private_?key)s?$")
_NOT_SECRET = frozenset({"tokens_per_image"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a setting was given."""

    origin: str
    """The file as the user named it, or the option, for example ``"--set seed=1"``."""

    line: int | None = None
    """From 1; None for an option."""

    column: int | None = None
    """From 1."""

    text: str | None = None
    """The whole source line."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.origin, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in the settings, or one thing outside that they need and that is not there."""

    message: str
    place: Place | None = None
    path: Path = ()
    outside: bool = False
    """The settings are right, the world is not: a model file, a package, a permission."""

    def __str__(self) -> str:
        head = ": ".join(str(part) for part in (self.place, dotted(self.path)) if part)
        text = f"{head}: {self.message}" if head else self.message
        if self.place is None or self.place.text is None or is_secret(self.path):
            return text
        return f"{text}\n{self.place.line:>4} | {self.place.text}"


class SettingsError(ValueError):
    """Settings cannot be used. Its text has every problem, and what to do."""

    def __init__(self, problems: Sequence[Problem], advice: str = "") -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}."
        last = " ".join(part for part in (count, advice) if part)
        super().__init__("\n".join([*(str(problem) for problem in self.problems), last]))


def dotted(path: Path) -> str:
    """Returns a path as a user writes it: ``input.pages[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def is_secret(path: Path) -> bool:
    """Returns whether the last key of ``path`` is named like one that holds a secret, which no message may repeat."""
    name = path[-1] if path else ""
    return isinstance(name, str) and name not in _NOT_SECRET and bool(_SECRET.search(name))


def shown(value: object, path: Path = ()) -> str:
    """Returns a value for a message: as YAML names it, cut when long, masked when secret."""
    if is_secret(path):
        return "a value that is not shown"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
