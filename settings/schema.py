"""Every key of a settings dataclass, for editors (JSON schema) and for people (Markdown)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(settings_type: type) -> str:
    """Returns the JSON schema of a settings dataclass; descriptions are its attribute docstrings."""
    content = {"$schema": DIALECT, **TypeAdapter(settings_type).json_schema()}
    return json.dumps(content, indent=2, ensure_ascii=False)


def markdown(settings_type: type) -> str:
    """Returns one table a section: key, type, default, meaning."""
    content = TypeAdapter(settings_type).json_schema()
    definitions = content.get("$defs", {})
    lines = [f"# {_sentence(content)}", ""]
    for name, section in _sections("", content, definitions):
        lines += [f"## {name or 'top level'}", ""]
        if name:
            lines += [_sentence(section), ""]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        required = section.get("required", ())
        for key, field in section.get("properties", {}).items():
            default = "**required**" if key in required else _default(field)
            lines.append(f"| `{key}` | {_type(field)} | {default} | {_sentence(field)} |")
        lines.append("")
    return "\n".join(lines)


def _sections(
    name: str, section: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield name, section
    for key, field in section.get("properties", {}).items():
        for reference in _references(field):
            yield from _sections(f"{name}.{key}" if name else key, definitions[reference], definitions)


def _references(field: Mapping[str, Any]) -> Iterator[str]:
    for part in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in part:
            yield part["$ref"].rsplit("/", 1)[-1]


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"])
    if "$ref" in field or field.get("allOf"):
        return "table"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    kind = str(field.get("type", "any"))
    return names.get(kind, kind)


def _default(field: Mapping[str, Any]) -> str:
    if "default" not in field:
        return ""
    default = field["default"]
    plain = dataclasses.asdict(default) if dataclasses.is_dataclass(type(default)) else default
    return f"`{json.dumps(plain)}`"


def _sentence(field: Mapping[str, Any]) -> str:
    return " ".join(str(field.get("description", "")).split()).replace("|", "\\|")
