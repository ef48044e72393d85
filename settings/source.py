"""YAML text as plain values, with the place of every key. Reports all that is wrong with the text itself."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from settings.problems import Path, Place, Problem, SettingsError, dotted, is_secret

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_OPEN_BRACKETS = 200
"""Looked for before parsing, which takes time in the square of the depth."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))
_AS_WRITTEN = frozenset({_TAG + "timestamp"})
"""Dates stay the text they are: no setting is a date."""


@dataclass(slots=True, kw_only=True)
class Source:
    """Settings as plain values, and where each was given."""

    name: str
    lines: Sequence[str]
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Returns where ``path`` was given, or the nearest of its parents, or the file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Place(origin=self.name)

    def add(self, path: Path, message: str, place: Place | None = None) -> None:
        """Notes a problem."""
        self.problems.append(Problem(message=message, path=path, place=place or self.place(path)))


def _open(path: str) -> BinaryIO:
    """Opens a file of settings: a launcher in a cloud has its recipe on an object store."""
    if "://" not in path:
        return open(path, "rb")
    import fsspec

    try:
        return cast(BinaryIO, fsspec.open(path, "rb").open())
    except OSError:
        raise
    except Exception as error:
        # What a driver raises is of its own making: no credentials, no package, no such bucket.
        raise OSError(str(error) or type(error).__name__) from error


def read_file(path: str) -> Source:
    """Reads a YAML file of settings.

    Raises:
        SettingsError: It cannot be read at all. Lesser mistakes are in the ``problems`` of the result.
    """
    try:
        with _open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError([Problem(message=f"{path}: cannot be read: {error.strerror or error}")]) from error
    if len(data) > MAX_BYTES:
        raise SettingsError([Problem(message=f"{path}: is larger than {MAX_BYTES} bytes: is it a file of settings?")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError([Problem(message=f"{path}:{line}: is not UTF-8 text: save it as UTF-8")]) from error
    return read_text(text, path)


def read_text(text: str, name: str) -> Source:
    """Reads YAML text; ``name`` stands for it in messages.

    Raises:
        SettingsError: It is not YAML, or no table of keys.
    """
    source = Source(name=name, lines=text.splitlines())
    node = _compose(text, source)
    if node is None:
        raise SettingsError([Problem(message=f"{name}: is empty")])
    if not isinstance(node, MappingNode):
        raise SettingsError([Problem(message="must be a table of keys", place=_place(node, source))])
    walk = _Walk(source)
    source.data = walk.table(node, ())
    # A line that holds a secret is shown for no mistake, not even for one of its other keys.
    hidden = walk.secret_lines
    source.places = {p: replace(at, text=None) if at.line in hidden else at for p, at in source.places.items()}
    source.problems = [_hide(problem, hidden) for problem in source.problems]
    return source


def _hide(problem: Problem, lines: set[int]) -> Problem:
    at = problem.place
    return problem if at is None or at.line not in lines else replace(problem, place=replace(at, text=None))


def override(source: Source, assignments: Sequence[str], option: str = "--set") -> None:
    """Applies ``key.path=VALUE`` assignments, in order; values are YAML."""
    for assignment in assignments:
        origin = f"{option} {assignment}"
        key, equals, text = assignment.partition("=")
        path: Path = tuple(part.strip() for part in key.split("."))
        if not equals or not all(path):
            source.problems.append(
                Problem(message="write KEY.PATH=VALUE, for example score.min=0.25", place=Place(origin=origin))
            )
            continue
        try:
            value = _read_value(text, origin, path)
        except SettingsError as error:
            source.problems.extend(error.problems)
            continue
        assign(source, path, value, Place(origin=origin))


def assign(source: Source, path: Path, value: object, place: Place) -> None:
    """Sets one value, making the tables above it where there are none."""
    table = source.data
    for end, part in enumerate(path[:-1], start=1):
        below = table.setdefault(str(part), {})
        if not isinstance(below, dict):
            source.add(path, f"{dotted(path[:end])} is not a table", place)
            return
        table = below
    table[str(path[-1])] = value
    source.places = {known: at for known, at in source.places.items() if known[: len(path)] != path}
    source.places[path] = place


def _read_value(text: str, origin: str, path: Path) -> object:
    inner = Source(name=origin, lines=())
    node = _compose(text, inner)
    if node is None:
        return None
    value = _Walk(inner).value(node, path)
    if inner.problems:
        raise SettingsError(
            [Problem(message=p.message, path=p.path, place=Place(origin=origin)) for p in inner.problems]
        )
    return value


def _open_brackets(text: str) -> int:
    """Returns the largest number of brackets that are open at one time; quoted and commented ones count too."""
    open_now = most = 0
    for char in text:
        if char in "[{":
            open_now += 1
            most = max(most, open_now)
        elif char in "]}":
            open_now = max(0, open_now - 1)
    return most


def _compose(text: str, source: Source) -> Node | None:
    if _open_brackets(text) > MAX_OPEN_BRACKETS:
        raise SettingsError([Problem(message=f"{source.name}: is nested too deeply")])
    reader = YAML(typ="safe", pure=True)
    try:
        node: Node | None = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(origin=source.name) if mark is None else _at(mark.line, mark.column, source)
        message = f"is not YAML: {' '.join(filter(None, (error.context, error.problem)))}"
        raise SettingsError([Problem(message=message, place=place)]) from error
    except YAMLError as error:
        raise SettingsError([Problem(message=f"{source.name}: is not YAML: {str(error).splitlines()[0]}")]) from error
    except RecursionError as error:
        raise SettingsError([Problem(message=f"{source.name}: is nested too deeply")]) from error
    return node


def _place(node: Node, source: Source) -> Place:
    return _at(node.start_mark.line, node.start_mark.column, source)


def _at(line: int, column: int, source: Source) -> Place:
    if not source.lines:
        return Place(origin=source.name)
    text = source.lines[line] if line < len(source.lines) else ""
    return Place(origin=source.name, line=line + 1, column=column + 1, text=text)


class _Walk:
    """Turns nodes into values. Each node is visited once: an alias is refused, so a small file stays small."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[int] = set()
        self.secret_lines: set[int] = set()
        self._scalars = YAML(typ="safe", pure=True).constructor

    def table(self, node: MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        first: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = _place(key_node, self._source)
            if not isinstance(key_node, ScalarNode) or key_node.tag == _TAG + "merge":
                self._source.add(path, "a key must be a word; '<<' and keys of several parts are not read", place)
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in first:
                self._source.add(here, f"is given twice, first in line {first[key].line}", place)
                continue
            first[key] = self._source.places[here] = place
            if is_secret(here):
                self.secret_lines.update(range(key_node.start_mark.line + 1, value_node.end_mark.line + 2))
            result[key] = self.value(value_node, here)
        return result

    def value(self, node: Node, path: Path) -> Any:
        if id(node) in self._seen:
            self._source.add(path, "aliases (*name) are not read; write the value out")
            return None
        self._seen.add(id(node))
        if len(path) > MAX_DEPTH:
            self._source.add(path, "is nested too deeply")
            return None
        if isinstance(node, MappingNode):
            return self.table(node, path)
        if isinstance(node, SequenceNode):
            return self._list(node, path)
        return self._scalar(node, path)

    def _list(self, node: SequenceNode, path: Path) -> list[Any]:
        result = []
        for position, item in enumerate(node.value):
            here = (*path, position)
            self._source.places[here] = _place(item, self._source)
            result.append(self.value(item, here))
        return result

    def _scalar(self, node: Node, path: Path) -> Any:
        if node.tag in _AS_WRITTEN:
            return node.value
        if node.tag not in _SCALARS:
            self._source.add(path, f"the tag {node.tag} is not read")
            return None
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, YAMLError) as error:
            self._source.add(path, f"is not a value: {error}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._source.add(path, f"must be a finite number, got {node.value}")
            return None
        if isinstance(value, str):
            return value
        return json.loads(json.dumps(value))  # ruamel's own number classes become Python's
