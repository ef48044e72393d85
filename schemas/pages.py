"""A page as it was captured, before anything is decided about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The bytes of one HTML page and where they came from."""

    url: str
    """As the archive states it, not normalised."""

    body: bytes
    """After transfer and content decoding; not yet decoded to text."""

    content_type: str | None
    """Value of the HTTP ``Content-Type`` header; None where the source has none."""

    crawl_time: str | None
    """ISO 8601 in UTC, for example ``"2024-05-01T00:00:00Z"``."""

    archive: str
    """Path of the file it was read from."""

    record_offset: int
    """Byte offset of the record in the archive as stored; row number for Parquet and JSONL."""

    record_length: int
    """Length in bytes as stored; 0 where the source has none."""
