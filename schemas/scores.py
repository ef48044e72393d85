"""CLIP scores and embeddings: the output of ``score``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageScore:
    """One row of ``score/part-*.parquet``: an image at a place, against the texts that belong to it.

    A score is the cosine of the two CLIP embeddings, in [-1, 1] (Radford et al. 2021, section 2.3), to six decimals.
    """

    source: str
    """``document_id`` or ``pair_id``."""

    occurrence: str
    """The capture of the document, ``archive:offset``: two captures of a page share their id. For a pair its id."""

    position: int
    """Segment of the document; 0 for a pair."""

    image_id: str
    alt: float | None
    caption: float | None
    """Of a pair: its text."""

    near: float | None
    """None where there is no such text, or it was not asked for."""

    best: float | None
    """The largest of the scores that the recipe asks for (``score.texts``); None where none has a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEmbedding:
    """One row of ``score/embeddings/part-*.parquet``: the CLIP embedding of an image, of unit length."""

    image_id: str
    embedding: bytes
    """float16, little endian, ``embed_dim`` values."""
