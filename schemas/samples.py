"""Samples: one row of a pool (metadata only), and the JSON member of a shard.

A sample is a WebDataset sample: members of one key lie next to each other in a tar, ``{key}.{i:03d}.{ext}`` the images
in order, then ``{key}.json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import SchemaError
from schemas.images import ImagePointer

SAMPLE_VERSION = 1


class SampleKind(StrEnum):
    """The three kinds of MM1's mixture (arXiv 2403.09611, section 3.2). Values are file format."""

    INTERLEAVED = "interleaved"
    CAPTION = "caption"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolImage:
    """An image of a pool row, ready to be read by pointer."""

    image_id: str
    pointer: ImagePointer
    format: str
    width: int
    """Pixels, upright."""

    height: int
    url: str | None
    alt: str | None
    caption: str | None
    score: float | None
    """The best CLIP score against its texts; None where scoring is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolText:
    """A run of text of a pool row."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSample:
    """One row of ``select/<kind>/part-*.parquet``: a sample that may be trained on, without image bytes."""

    key: str
    """32 hexadecimal digits: no dots, so that it is a WebDataset key."""

    kind: SampleKind
    segments: tuple[PoolText | PoolImage, ...]
    """For captions: exactly one image, then the caption as text."""

    source_id: str
    """``document_id``, ``pair_id`` or ``text_id`` it was made of."""

    url: str | None
    domain: str | None
    archive: str
    record_offset: int

    def __post_init__(self) -> None:
        if not self.segments:
            raise SchemaError(f"sample {self.key!r} has no segments")

    def images(self) -> tuple[PoolImage, ...]:
        """Returns the images in order."""
        return tuple(s for s in self.segments if isinstance(s, PoolImage))

    def n_characters(self) -> int:
        """Returns the number of characters of all texts."""
        return sum(len(s.text) for s in self.segments if isinstance(s, PoolText))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRow:
    """One row of ``recaption/part-*.parquet``: the captions of a caption sample, side by side."""

    key: str
    alt: str
    """As the source had it."""

    vlm: str | None
    """As the captioner wrote it; None where there is no captioner or its guards refused."""

    fused: str | None
    """Alt and VLM caption as one sentence (VeCap, arXiv 2310.07699); None where there is none."""

    guard: str | None
    """Why the VLM or fused caption was refused; None where it was not."""

    captioner: str | None
    """Name of the model and its weights."""

    fuser: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSample:
    """The ``{key}.json`` member. ``texts`` and ``images`` are parallel, exactly one is not None at each place."""

    version: int = SAMPLE_VERSION
    key: str
    kind: SampleKind
    texts: tuple[str | None, ...]
    images: tuple[str | None, ...]
    """The extension part of the member's name, for example ``"000.jpg"``: what WebDataset uses as field name."""

    image_members: tuple[str | None, ...]
    """The full names of the members, for example ``"0f..e1.000.jpg"``; parallel with ``images``, for readers that look
    for whole names (``images_field`` of NeMo Curator).
    """

    captions: Mapping[str, str | None]
    """``alt``, ``vlm``, ``fused``: empty but for captions."""

    scores: tuple[float | None, ...]
    """One for each image, in order."""

    image_ids: tuple[str, ...]
    """sha256 of each image's bytes, in order."""

    image_urls: tuple[str | None, ...]
    """Where each image was fetched, in order; None where it came with its pair."""

    source: Mapping[str, str | int | None]
    """Where the page or pair came from: ``id, url, domain, archive, offset`` of the pool row, its key as ``sample``;
    ``piece`` of ``pieces`` where a document was longer than a row, ``part`` of ``parts`` where a piece was cut to fill
    rows; ``repeat``, from 0, where a pool was repeated.
    """

    def member_names(self) -> tuple[str, ...]:
        """Returns the names of the image members in order."""
        return tuple(name for name in self.image_members if name is not None)

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.images):
            raise SchemaError(f"sample {self.key!r}: {len(self.texts)} texts but {len(self.images)} images")
        for place, (text, image) in enumerate(zip(self.texts, self.images, strict=True)):
            if (text is None) == (image is None):
                raise SchemaError(f"sample {self.key!r}: place {place} has both or neither of text and image")
