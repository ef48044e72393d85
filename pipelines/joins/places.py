"""The images that a part refers to, read without the texts around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.joins.columns import read_columns
from pipelines.runs.folder import read_part
from schemas.documents import ImageSegment
from schemas.images import ImagePair

_URLS = ("url", "image_id")
_TEXTS = ("alt", "caption", "near")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An image at its place in a document."""

    document_id: str
    occurrence: str
    """The capture of the page: ``archive:offset``."""

    position: int
    """In the document's segments."""

    image: ImageSegment


def read_places(path: str, *, with_texts: bool) -> Iterator[Place]:
    """Yields the image places of a part of documents, in order.

    Only the columns that are asked for are read: without the texts of the images the rest of a segment stays None.
    """
    fields = _URLS + (_TEXTS if with_texts else ())
    columns = ["document_id", "archive", "record_offset", *(f"segments.list.element.{name}" for name in fields)]
    for row in read_columns(path, columns):
        yield from _places(row, fields)


def read_pairs(path: str) -> Iterator[Place]:
    """Yields the pairs of a part as places, one in each document of one image; the caption is the image's."""
    for pair in read_part(path, ImagePair):
        image = ImageSegment(url=pair.url or "", caption=pair.caption, image_id=pair.image_id)
        yield Place(document_id=pair.pair_id, occurrence=pair.pair_id, position=0, image=image)


def _places(row: dict[str, Any], fields: Sequence[str]) -> Iterator[Place]:
    occurrence = f"{row['archive']}:{row['record_offset']}"
    for position, segment in enumerate(row["segments"]):
        if segment["url"] is not None:
            image = ImageSegment(**{name: segment[name] for name in fields})
            yield Place(document_id=row["document_id"], occurrence=occurrence, position=position, image=image)
