"""Which verdicts of ``dedup`` a source asks for, and which a part holds: ids and digests alone."""

from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

from pipelines.joins.columns import read_columns
from pipelines.joins.images import Packed
from pipelines.joins.lookup import IMAGES, Found, ask, hold
from pipelines.runs.folder import read_part
from schemas.verdicts import Verdict

_NAMES = tuple(field.name for field in fields(Verdict))
_FIELDS = attrgetter(*_NAMES)
_REFERENCES = ("archive", "record_offset", "segments.list.element.url")


def ask_documents(item: tuple[int, str, str], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a part of documents for its captures, the URLs of its images and its paragraphs."""
    number, path, features = item
    keys = dict.fromkeys((*_references(path), *_paragraphs(features)))
    yield from ask(number, keys, buckets)


def ask_image_ids(found: tuple[int, Found], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a source for the ids of its images."""
    number, answer = found
    if answer.table == IMAGES:
        yield from ask(number, (image_id for image_id, _ in answer.records), buckets)


def hold_verdicts(path: str, buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields verdicts by bucket of the item that they are about."""
    yield from hold(((verdict.item, _FIELDS(verdict)) for verdict in read_part(path, Verdict)), buckets)


def unpack_verdict(packed: Packed) -> Verdict:
    """Returns what ``hold_verdicts`` packed."""
    return Verdict(**dict(zip(_NAMES, packed, strict=True)))


def _references(path: str) -> Iterator[str]:
    for row in read_columns(path, _REFERENCES):
        yield f"{row['archive']}:{row['record_offset']}"
        yield from (segment["url"] for segment in row["segments"] if segment["url"] is not None)


def _paragraphs(path: str) -> Iterator[str]:
    for row in read_columns(path, ("paragraphs",)):
        yield from row["paragraphs"]
