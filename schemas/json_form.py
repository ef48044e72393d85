"""Records as JSON text, one form for each: keys in the order of the fields, enums as values, tuples as lists."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from schemas.errors import SchemaError

Record = TypeVar("Record")


def to_json(record: object, *, indent: int | None = None) -> str:
    """Returns a record as JSON text ending without a newline. Keys of maps are sorted."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(_plain(record), ensure_ascii=False, indent=indent, separators=separators, allow_nan=False)


def from_json(text: str | bytes, record_type: type[Record]) -> Record:
    """Returns the record that ``to_json`` was given.

    Raises:
        SchemaError: The text is not JSON, or lacks a field, or has one that this build does not know.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SchemaError(f"not JSON: {error}") from error
    record: Record = _record(value, record_type)
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _record(value: Any, record_type: Any) -> Any:
    fields = {f.name: f for f in dataclasses.fields(record_type)}
    if not isinstance(value, dict):
        raise SchemaError(f"{record_type.__name__}: expected an object, got {type(value).__name__}")
    unknown = sorted(set(value) - set(fields))
    missing = [n for n, f in fields.items() if n not in value and _is_required(f)]
    if unknown or missing:
        raise SchemaError(
            f"{record_type.__name__}: unknown fields {unknown}, missing fields {missing};"
            " it was written by another version"
        )
    hints = typing.get_type_hints(record_type)
    return record_type(**{name: _value(item, hints[name]) for name, item in value.items()})


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(value: Any, hint: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, types.UnionType):
        members = [m for m in typing.get_args(hint) if m is not type(None)]
        return _value(value, members[0]) if len(members) == 1 else value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return tuple(_value(item, arguments[0]) for item in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _value(item, arguments[1]) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return _record(value, hint)
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value
