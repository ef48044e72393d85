"""What a settings dataclass has at a path: the type hint, its keys, its alternatives."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from settings.problems import Path


def members(hint: Any) -> tuple[Any, ...]:
    """Returns the alternatives of a union without None; a hint that is none has itself alone."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(member for member in typing.get_args(hint) if member is not type(None))
    return (hint,)


def dataclass_of(hint: Any) -> type | None:
    """Returns the dataclass that a table at this place becomes, None where it becomes none."""
    return next((m for m in members(hint) if isinstance(m, type) and dataclasses.is_dataclass(m)), None)


def keys(settings_type: type | None) -> list[str]:
    """Returns the names of a settings dataclass, in order."""
    return [] if settings_type is None else [f.name for f in dataclasses.fields(settings_type)]


def below(hint: Any, part: str | int) -> Any:
    """Returns the hint of one key or list position below ``hint``; Any where it has none."""
    settings_type = dataclass_of(hint)
    if isinstance(part, str) and settings_type is not None:
        return typing.get_type_hints(settings_type).get(part, Any)
    for member in members(hint):
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if isinstance(part, int) and origin in (tuple, list):
            fixed = Ellipsis not in arguments and part < len(arguments)
            return arguments[part] if fixed else arguments[0]
        if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
            return arguments[1]
    return Any


def at(root: type, path: Path) -> Any:
    """Returns the hint at ``path`` below ``root``."""
    hint: Any = root
    for part in path:
        hint = below(hint, part)
    return hint


def data_path(root: type, location: tuple[str | int, ...], data: Any) -> Path | None:
    """Returns the path in ``data`` that the location of a pydantic error stands for.

    pydantic puts the name of the alternative that it tried behind the key of a union. A table is meant for the
    dataclass of the union, anything else for the rest; None for an error of an alternative that the value was not
    meant for.
    """
    path: Path = ()
    hint: Any = root
    parts = iter(location)
    for part in parts:
        path, hint, data = (*path, part), below(hint, part), _item(data, part)
        if len(members(hint)) > 1:
            alternative, table_type = next(parts, None), dataclass_of(hint)
            for_table = table_type is not None and alternative == table_type.__name__
            if alternative is not None and table_type is not None and for_table != isinstance(data, dict):
                return None
    return path


def _item(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def all_paths(root: type, prefix: Path = ()) -> Iterator[Path]:
    """Yields the path of every key below a settings dataclass, top down."""
    hints = typing.get_type_hints(root)
    for name in keys(root):
        path = (*prefix, name)
        yield path
        settings_type = dataclass_of(hints[name])
        if settings_type is not None:
            yield from all_paths(settings_type, path)


def described(hint: Any) -> str:
    """Returns what may stand at a place, in words, for example ``"'web', 'archive' or a table of folder"``."""
    words: list[str] = []
    for member in members(hint):
        words.extend(_described(member))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _described(member: Any) -> list[str]:
    if typing.get_origin(member) is typing.Literal:
        return [repr(value) for value in typing.get_args(member)]
    if typing.get_origin(member) in (tuple, list):
        return ["a list"]
    if dataclass_of(member) is not None:
        return [f"a table of {', '.join(keys(member))}"]
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return [names.get(member, "a table of keys")]
