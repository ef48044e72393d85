"""What repeats what: the output of ``dedup``."""

from dataclasses import dataclass

from schemas.digests import keyed_digest
from schemas.rejections import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row of ``dedup/part-*.parquet``: an item that repeats another, and is to be left out."""

    kind: str
    """What ``item`` names.

    ``"document"``: ``archive:offset`` of a capture. ``"image"``: an image id or a URL that occurs too often; it is left
    out everywhere. ``"place"``: ``archive:offset`` of a capture, with ``position`` the segment in it.
    ``"paragraph"``: the ``paragraph_digest`` of a text that one domain repeats.
    """

    item: str
    position: int | None
    reason: RejectReason
    of: str | None
    """The item that is kept in its stead, where there is one."""

    value: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFeatures:
    """One row of ``dedup/features/part-*.parquet``: what a document is compared by."""

    occurrence: str
    """``archive:offset`` of the capture."""

    document_id: str
    crawl_time: str | None
    domain: str
    n_images: int
    image_set: str | None
    """Digest of the set of its images, by content where it is known, else by URL; None without images."""

    signature: bytes | None
    """MinHash of its word 5-grams, uint32 little endian; None where it has fewer words or none was asked for."""

    contaminated: str | None = None
    """The evaluation item whose words it holds; None where it holds none."""

    paragraphs: tuple[str, ...]
    """``paragraph_digest`` of each paragraph in order; empty where none was asked for."""


def paragraph_digest(domain: str, paragraph: str) -> str:
    """Returns what a paragraph is counted by: 16 hexadecimal digits.

    Two paragraphs of one domain have the same digest where they differ in white space and letter case alone.
    """
    return keyed_digest("paragraph", domain, " ".join(paragraph.casefold().split()), size=8)
