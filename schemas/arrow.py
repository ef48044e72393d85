"""Records as Arrow tables: the schema of a dataclass, and the way there and back.

``str``, ``int``, ``float``, ``bool`` and ``bytes`` become string, int64, float64, bool and binary; an enum of strings
becomes string; ``X | None`` is nullable; ``tuple[X, ...]`` is a list; ``dict[str, X]`` is a map; a dataclass is a
struct; a union of dataclasses is one struct with the fields of all, where the first field of a class that is not null
tells which class it was. Another width is asked for with ``field(metadata={"arrow": pa.int32()})``.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import pyarrow as pa

from schemas.errors import SchemaError

Record = TypeVar("Record")
Row = dict[str, Any]

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}

# Made once for each class: building one costs more than using it on a hundred records.
_ENCODERS: dict[type, Callable[[Any], Row]] = {}
_DECODERS: dict[type, Callable[[Row], Any]] = {}


def arrow_schema(record_type: type) -> pa.Schema:
    """Returns the Arrow schema of a dataclass.

    Raises:
        SchemaError: A field has a type that this module does not map.
    """
    return pa.schema(_fields(record_type))


def to_table(records: Iterable[object], record_type: type) -> pa.Table:
    """Returns ``records`` (all of ``record_type``) as a table, in their order."""
    rows = list(records)
    schema = arrow_schema(record_type)
    values = ([code(value) for value in map(attrgetter(name), rows)] for name, code in _coders(record_type))
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)], schema=schema
    )


def from_table(table: pa.Table, record_type: type[Record]) -> Iterator[Record]:
    """Yields the records of a table that ``to_table`` made.

    Raises:
        SchemaError: The table lacks a column of ``record_type``.
    """
    names = arrow_schema(record_type).names
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise SchemaError(
            f"a table of {record_type.__name__} lacks the columns {missing}; it was written by another"
            " version: run the job that wrote it again"
        )
    decode = _decoder(record_type)
    for batch in table.select(names).to_batches():
        for row in batch.to_pylist():
            yield decode(row)


def to_row(record: object) -> Row:
    """Returns a record as the dict of plain values that its table row or JSON form holds."""
    row: Row = _encoder(type(record))(record)
    return row


def from_row(row: Row, record_type: type[Record]) -> Record:
    """Returns the record that ``to_row`` was given."""
    record: Record = _decoder(record_type)(row)
    return record


def _fields(record_type: type) -> list[pa.Field]:
    hints = typing.get_type_hints(record_type)
    return [
        pa.field(
            field.name,
            field.metadata.get("arrow") or _data_type(_strip_none(hints[field.name])),
            nullable=_is_optional(hints[field.name]),
        )
        for field in dataclasses.fields(record_type)
    ]


def _data_type(hint: Any) -> pa.DataType:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return pa.string()
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return pa.list_(pa.field("item", _data_type(_strip_none(item)), nullable=_is_optional(item)))
    if typing.get_origin(hint) is dict:
        _, item = typing.get_args(hint)
        return pa.map_(pa.string(), pa.field("value", _data_type(item), nullable=False))
    members = _members(hint)
    if len(members) > 1:
        merged = {field.name: field.with_nullable(True) for m in members for field in _fields(m)}
        return pa.struct(list(merged.values()))
    if dataclasses.is_dataclass(hint):
        return pa.struct(_fields(typing.cast(type, hint)))
    raise SchemaError(f"no Arrow type for {hint!r}")


def _members(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(a for a in typing.get_args(hint) if a is not type(None))
    return (hint,)


def _is_optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint) and _members(hint) != (hint,)


def _strip_none(hint: Any) -> Any:
    members = _members(hint)
    return members[0] if len(members) == 1 else hint


def _identity(value: Any) -> Any:
    return value


def _value_coders(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Returns (encode, decode) for one value; ``_identity`` where nothing is to be done."""
    hint = _strip_none(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (lambda v: None if v is None else v.value), (lambda v: None if v is None else hint(v))
    if typing.get_origin(hint) is tuple:
        encode, decode = _value_coders(typing.get_args(hint)[0])
        return (
            lambda v: None if v is None else [encode(item) for item in v],
            lambda v: None if v is None else tuple(decode(item) for item in v),
        )
    if typing.get_origin(hint) is dict:
        return (lambda v: None if v is None else sorted(v.items())), (lambda v: None if v is None else dict(v))
    members = _members(hint)
    if len(members) > 1:
        return _encode_union, _union_decoder(members)
    if dataclasses.is_dataclass(hint):
        encode, decode = _encoder(typing.cast(type, hint)), _decoder(typing.cast(type, hint))
        return (lambda v: None if v is None else encode(v)), (lambda v: None if v is None else decode(v))
    return _identity, _identity


def _encode_union(value: Any) -> Any:
    return None if value is None else _encoder(type(value))(value)


def _union_decoder(members: tuple[type, ...]) -> Callable[[Any], Any]:
    def decode(row: Row | None) -> Any:
        if row is None:
            return None
        for member in members:
            if row.get(dataclasses.fields(member)[0].name) is not None:
                return _decoder(member)(row)
        raise SchemaError(f"a row is none of {[m.__name__ for m in members]}: {row}")

    return decode


def _encoder(record_type: type) -> Callable[[Any], Row]:
    if record_type not in _ENCODERS:
        _ENCODERS[record_type] = _make_encoder(record_type)
    return _ENCODERS[record_type]


def _decoder(record_type: type) -> Callable[[Row], Any]:
    if record_type not in _DECODERS:
        _DECODERS[record_type] = _make_decoder(record_type)
    return _DECODERS[record_type]


@cache
def _coders(record_type: type) -> list[tuple[str, Callable[[Any], Any]]]:
    """Returns name and encoder of each field."""
    hints = typing.get_type_hints(record_type)
    return [(field.name, _value_coders(hints[field.name])[0]) for field in dataclasses.fields(record_type)]


def _make_encoder(record_type: type) -> Callable[[Any], Row]:
    coders = _coders(record_type)
    names = [name for name, _ in coders]
    coded = [(name, code) for name, code in coders if code is not _identity]
    # With two names at least, it gives a tuple.
    values_of = attrgetter(*names, names[0])

    def encode(record: Any) -> Row:
        row = dict(zip(names, values_of(record), strict=False))
        for name, code in coded:
            row[name] = code(row[name])
        return row

    return encode


def _make_decoder(record_type: type) -> Callable[[Row], Any]:
    hints = typing.get_type_hints(record_type)
    coders = [(f.name, _value_coders(hints[f.name])[1]) for f in dataclasses.fields(record_type)]

    def decode(row: Row) -> Any:
        return record_type(**{name: code(row[name]) for name, code in coders})

    return decode
