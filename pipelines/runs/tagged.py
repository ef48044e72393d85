"""Several streams out of one step: elements that say which stream they belong to."""

from collections.abc import Iterator
from typing import Any

Tagged = tuple[str, tuple[Any, Any]]
"""``(name of the stream, (key, batch))``."""


def of_stream(element: Tagged, name: str) -> Iterator[tuple[Any, Any]]:
    """Yields the ``(key, batch)`` of an element of one stream, nothing for one of another."""
    if element[0] == name:
        yield element[1]


def is_of_stream(element: Tagged, name: str) -> bool:
    """Returns whether an element is of a stream."""
    return element[0] == name
