"""Values against a settings dataclass: every mistake that can be found, in words."""

from __future__ import annotations

import copy
import difflib
import json
import re
import typing
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from settings import types
from settings.problems import Path, dotted, shown

T = TypeVar("T")
Faults = dict[Path, list[str]]

MAX_ROUNDS = 20
"""Every round takes at least one bad value away; no file of settings is nested so deep that it needs more."""


class Checker(Generic[T]):
    """Checks plain values against one settings dataclass."""

    def __init__(self, settings_type: type[T]) -> None:
        self._type = settings_type
        self._adapter: TypeAdapter[T] = TypeAdapter(settings_type)

    def check(self, data: Mapping[str, Any]) -> tuple[T | None, Faults]:
        """Returns the settings, or None and all that is wrong, by path.

        The checks between the values of a table run only once its values have the right types, and those of the table
        above once the table itself is right. So bad values are taken away, and the rest is checked again, until nothing
        new appears; what only follows from the taking away is not reported.
        """
        rest = copy.deepcopy(dict(data))
        faults: Faults = {}
        removed: set[Path] = set()
        for _ in range(MAX_ROUNDS):
            try:
                settings = self._adapter.validate_json(json.dumps(rest), strict=True)
            except ValidationError as error:
                new = self._translate(error, rest)
                for path, messages in new.items():
                    kept = [m for m in messages if not _follows(path, m, removed)]
                    if kept:
                        faults.setdefault(path, []).extend(m for m in kept if m not in faults.get(path, []))
                if not _remove(rest, new, removed):
                    return None, faults
            else:
                return (None if faults else settings), faults
        return None, faults

    def _translate(self, error: ValidationError, data: Mapping[str, Any]) -> Faults:
        faults: Faults = {}
        missing: dict[Path, list[str]] = {}
        for details in error.errors(include_url=False):
            path = types.data_path(self._type, details["loc"], data)
            if path is None:
                continue
            given, is_given = _lookup(data, path)
            if details["type"] == "missing":
                missing.setdefault(path[:-1], []).append(str(path[-1]))
            elif details["type"] == "value_error":
                for names, message in self._checked(path, details):
                    faults.setdefault((*path, *names), []).append(message)
            else:
                message = self._message(path, details, given if is_given else details["input"])
                if message not in faults.setdefault(path, []):
                    faults[path].append(message)
        for table, keys in missing.items():
            others = f" (and so are {', '.join(keys[1:])})" if len(keys) > 3 else ""
            for key in keys[:1] if others else keys:
                faults.setdefault((*table, key), []).append(f"is missing{others}; it has no default")
        return faults

    def _checked(self, path: Path, details: ErrorDetails) -> list[tuple[Path, str]]:
        """Returns the messages of a dataclass's own checks, each with the key that it starts with."""
        error = details.get("ctx", {}).get("error")
        known = types.keys(types.dataclass_of(types.at(self._type, path)))
        found: list[tuple[Path, str]] = []
        for message in getattr(error, "messages", (str(error),)):
            head, colon, rest = message.partition(": ")
            names: Path = tuple(head.split("."))
            found.append((names, rest) if colon and names[0] in known else ((), message))
        return found

    def _message(self, path: Path, details: ErrorDetails, given: Any) -> str:
        kind = details["type"]
        if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
            return f"unknown key, got {shown(given, path)}{self._similar_key(path)}"
        hint = types.at(self._type, path)
        wanted = types.described(hint)
        got = f"got {shown(given, path)}"
        if given is None and types.dataclass_of(hint) is not None:
            return "is empty: leave it out, or give at least one of its keys"
        if kind == "tuple_type" and isinstance(given, (str, int, float)):
            return f"must be a list, {got}. Write [{shown(given, path)}]"
        literal = _choices(hint)
        if literal:
            return f"must be {wanted}, {got}{_did_you_mean(str(given), [str(choice) for choice in literal])}"
        return f"must be {wanted}, {got}" if kind in _TYPE_ERRORS else f"{details['msg']}, {got}"

    def _similar_key(self, path: Path) -> str:
        name = str(path[-1])
        siblings = types.keys(types.dataclass_of(types.at(self._type, path[:-1])))
        similar = _did_you_mean(name, siblings)
        if similar:
            return similar
        elsewhere = [dotted(p) for p in types.all_paths(self._type) if p[-1] == name]
        return f". Did you mean {elsewhere[0]!r}?" if elsewhere else f". Known: {', '.join(siblings)}"


_TYPE_ERRORS = frozenset(
    {
        "bool_type",
        "dataclass_type",
        "dataclass_exact_type",
        "dict_type",
        "float_type",
        "int_from_float",
        "int_type",
        "list_type",
        "string_type",
        "tuple_type",
    }
)


def _choices(hint: Any) -> list[Any]:
    return [v for m in types.members(hint) if typing.get_origin(m) is typing.Literal for v in typing.get_args(m)]


def _did_you_mean(word: str, possible: list[str]) -> str:
    close = difflib.get_close_matches(word.lower(), possible, n=1, cutoff=0.6)
    return f". Did you mean {close[0]!r}?" if close else ""


def _lookup(data: Any, path: Path) -> tuple[Any, bool]:
    value = data
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None, False
    return value, True


def _follows(path: Path, message: str, removed: set[Path]) -> bool:
    """Returns whether a fault only follows from values that were taken away before."""
    if path in removed:
        return True
    table = path if any(r[:-1] == path for r in removed) else path[:-1]
    gone = [str(r[-1]) for r in removed if r[:-1] == table]
    return any(re.search(rf"\b{re.escape(name)}\b", message) for name in gone) or (path == table and bool(gone))


def _remove(data: dict[str, Any], faults: Faults, removed: set[Path]) -> bool:
    """Takes the values away that ``faults`` name, or the table around those that were not given. Tells if any was."""
    before = len(removed)
    for path in faults:
        end = next((end for end in range(len(path), 0, -1) if _lookup(data, path[:end])[1]), 0)
        # A position of a list goes with its list: what is left of a list may be wrong in ways nobody wrote.
        while end and isinstance(path[end - 1], int):
            end -= 1
        if end:
            parent, _ = _lookup(data, path[: end - 1])
            del parent[path[end - 1]]
            removed.add(path[:end])
    return len(removed) > before
