"""Stored images with their place in the store's table, and what a source's places came to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipelines.joins.lookup import IMAGES, URLS, Found
from pipelines.runs.folder import read_part
from schemas.documents import ImageSegment
from schemas.images import FetchedUrl, StoredImage


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedImage:
    """A stored image, and where its row lies: tables written part by part beside the store's are read by it."""

    stored: StoredImage
    part: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What is known of the images that one source refers to."""

    fetches: dict[str, FetchedUrl] = field(default_factory=dict)
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


def located_images(part: int, path: str) -> Iterator[LocatedImage]:
    """Yields the images of a part of the store."""
    for row, stored in enumerate(read_part(path, StoredImage)):
        yield LocatedImage(stored=stored, part=part, row=row)


def image_facts(found: Iterable[Found]) -> ImageFacts:
    """Returns the facts that the lookups found for a source."""
    facts = ImageFacts()
    tables = {URLS: facts.fetches, IMAGES: facts.images}
    for answer in found:
        if answer.table in tables:
            tables[answer.table].update(answer.records)  # type: ignore[attr-defined]
    return facts
