"""Looking records up by key in buckets: who asks for which keys, who holds which records, who gets what.

Keys and records travel in lists, one for each bucket and part, so that a join of a million rows is a few thousand
elements and two dictionaries.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.digests import keyed_bucket

URLS, IMAGES = "urls", "images"
"""Tables of what ``FindImages`` finds."""

ROWS_PER_BUCKET = 50_000
"""Records of one bucket: what one worker holds in memory while it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The keys of one bucket that a source wants to know about."""

    source: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The records of one bucket that some part holds, each under its key."""

    records: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """What a bucket of a table had for a source: sorts by table and bucket, of which each source has one."""

    table: str
    bucket: int
    records: tuple[tuple[str, Any], ...] = field(compare=False)


SEED = Found("", 0, ())
"""Reaches every source, so that one of which nothing is known is worked on too."""


def num_buckets(rows: int) -> int:
    """Returns the number of buckets for a table of ``rows`` rows: a function of the input alone."""
    return max(1, -(-rows // ROWS_PER_BUCKET))


def ask(source: int, keys: Iterable[str], buckets: int) -> Iterator[tuple[int, Asked]]:
    """Yields the distinct ``keys`` of a source by bucket, in order of their first appearance."""
    by_bucket: dict[int, dict[str, None]] = defaultdict(dict)
    for key in keys:
        by_bucket[keyed_bucket("lookup", key, buckets)][key] = None
    for bucket, chosen in by_bucket.items():
        yield bucket, Asked(source=source, keys=tuple(chosen))


def hold(records: Iterable[tuple[str, Any]], buckets: int) -> Iterator[tuple[int, Held]]:
    """Yields ``(key, record)`` pairs by bucket."""
    by_bucket: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for key, record in records:
        by_bucket[keyed_bucket("lookup", key, buckets)].append((key, record))
    for bucket, chosen in by_bucket.items():
        yield bucket, Held(records=tuple(chosen))


def answer(group: tuple[int, Iterable[Asked | Held]], table: str) -> Iterator[tuple[int, Found]]:
    """Yields ``(source, what was found for it)`` for every source that asked in a bucket and hit something."""
    bucket, members = group
    asked: list[Asked] = []
    held: dict[str, list[Any]] = defaultdict(list)
    for member in members:
        if isinstance(member, Asked):
            asked.append(member)
        else:
            for key, record in member.records:
                held[key].append(record)
    for question in asked:
        found = tuple((key, record) for key in question.keys for record in held.get(key, ()))
        if found:
            yield question.source, Found(table, bucket, found)
