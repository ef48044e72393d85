"""Stored images with their place in the store's table, and what a source's places came to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, NamedTuple

from pipelines.joins.lookup import IMAGES, URLS, Found
from pipelines.runs.folder import read_part
from schemas.documents import ImageSegment
from schemas.images import FetchedUrl, ImagePointer, StoredImage

Packed = tuple[Any, ...]
"""A record on its way: pickling plain tuples takes a tenth of the time of frozen dataclasses with slots."""

_POINTER_NAMES = tuple(f.name for f in fields(ImagePointer))
_IMAGE_NAMES = tuple(f.name for f in fields(StoredImage) if f.name not in {"image_id", "pointer"})
_POINTER_FIELDS = attrgetter(*_POINTER_NAMES)
_IMAGE_FIELDS = attrgetter(*_IMAGE_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedImage:
    """A stored image, and where its row lies: tables written part by part beside the store's are read by it."""

    stored: StoredImage
    part: int
    row: int


class UrlOutcome(NamedTuple):
    """What a URL came to."""

    image_id: str | None
    reason: str | None
    """Value of the ``RejectReason`` where there is no image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What is known of the images that one source refers to."""

    fetches: dict[str, UrlOutcome] = field(default_factory=dict)
    """By URL."""

    images: dict[str, LocatedImage] = field(default_factory=dict)
    """By image id."""

    def image_id(self, image: ImageSegment) -> str | None:
        """Returns the id of the image at a place, None where it was not fetched."""
        if image.image_id is not None:
            return image.image_id
        fetched = self.fetches.get(image.url)
        return fetched.image_id if fetched else None

    def image(self, image: ImageSegment) -> LocatedImage | None:
        """Returns the stored image of a place, None where there is none."""
        image_id = self.image_id(image)
        return self.images.get(image_id) if image_id else None


def pack_outcomes(path: str) -> Iterator[tuple[str, Packed]]:
    """Yields ``(URL, packed outcome)`` of a part of fetched URLs."""
    for fetched in read_part(path, FetchedUrl):
        yield fetched.url, (fetched.image_id, fetched.reason)


def pack_images(part: int, path: str) -> Iterator[tuple[str, Packed]]:
    """Yields ``(image id, packed image)`` of a part of the store."""
    for row, image in enumerate(read_part(path, StoredImage)):
        pointer = _POINTER_FIELDS(image.pointer)
        yield image.image_id, (part, row, pointer, _IMAGE_FIELDS(image))


def unpack_image(image_id: str, packed: Packed) -> LocatedImage:
    """Returns what ``pack_images`` packed."""
    part, row, pointer, image = packed
    named = dict(zip(_IMAGE_NAMES, image, strict=True))
    at = ImagePointer(**dict(zip(_POINTER_NAMES, pointer, strict=True)))
    return LocatedImage(stored=StoredImage(image_id=image_id, pointer=at, **named), part=part, row=row)


def image_facts(found: Iterable[Found]) -> ImageFacts:
    """Returns the facts that the lookups found for a source."""
    facts = ImageFacts()
    for answer in found:
        if answer.table == URLS:
            facts.fetches.update((url, UrlOutcome(*packed)) for url, packed in answer.records)
        elif answer.table == IMAGES:
            facts.images.update((image_id, unpack_image(image_id, packed)) for image_id, packed in answer.records)
    return facts
