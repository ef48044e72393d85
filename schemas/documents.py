"""A web page as text and images in reading order."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.errors import SchemaError
from schemas.text_statistics import TextStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSegment:
    """A run of text between two images. Blocks (paragraphs, headings, ...) are separated by ``"\\n\\n"``."""

    text: str
    statistics: tuple[TextStatistics, ...] = ()
    """Of each paragraph, in order: the parts of ``text`` between ``"\\n\\n"``."""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise SchemaError("a text segment is empty; leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSegment:
    """A reference to an image at its place. What the page says of it stays apart, by where it was said."""

    url: str
    """Absolute, normalised by the WHATWG URL rules. ``data:`` images carry ``"data:" + image_id``."""

    alt: str | None = None
    title: str | None = None
    caption: str | None = None
    """Text of the ``figcaption`` (or its like) that belongs to the image."""

    near: str | None = None
    """Text next to the image in reading order, at most 300 characters of the block before or, where none, after."""

    link: str | None = None
    """Absolute target of the link around the image."""

    width_hint: int | None = None
    """``width`` as the page states it, in CSS pixels."""

    height_hint: int | None = None

    image_id: str | None = None
    """sha256 of the bytes, where they are known (``data:`` images, pairs, stored data sets)."""


Segment = TextSegment | ImageSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A web page as an ordered tuple of segments, with its provenance."""

    document_id: str
    """Digest of the normalised page URL (``schemas.digests.document_id``): the same page has one id in every crawl."""

    url: str
    """Normalised page URL."""

    domain: str
    """Registrable domain of the URL (eTLD+1), or its host where it has none."""

    title: str | None
    language: str | None
    """ISO 639-1 code of the text, as identified."""

    language_score: float | None
    """Probability of ``language`` in [0, 1]."""

    archive: str
    record_offset: int
    record_length: int
    crawl_time: str | None

    segments: tuple[Segment, ...]
    statistics: TextStatistics | None = None
    """Of all text, joined by ``"\\n\\n"``; None for a document without text."""

    def __post_init__(self) -> None:
        if not self.segments:
            raise SchemaError(f"document {self.document_id!r} ({self.url}) has no segments")

    @property
    def occurrence(self) -> str:
        """Names this capture of the page: ``archive:offset``. Two captures of one URL share only ``document_id``."""
        return f"{self.archive}:{self.record_offset}"

    def images(self) -> Iterator[tuple[int, ImageSegment]]:
        """Yields ``(position in segments, image)`` in reading order."""
        for position, segment in enumerate(self.segments):
            if isinstance(segment, ImageSegment):
                yield position, segment

    def texts(self) -> Iterator[tuple[int, TextSegment]]:
        """Yields ``(position in segments, text)`` in reading order."""
        for position, segment in enumerate(self.segments):
            if isinstance(segment, TextSegment):
                yield position, segment
