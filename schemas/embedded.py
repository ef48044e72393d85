"""Images that a page carries in itself, as ``data:`` URIs (RFC 2397)."""

from dataclasses import dataclass

from schemas.images import ImagePointer


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedImage:
    """One row of ``interleave/embedded/part-*.parquet``: the decoded bytes of a ``data:`` image, once per work item."""

    image_id: str
    """sha256 of the bytes; segments refer to them as ``"data:" + image_id``."""

    media_type: str
    """As the URI states it, lower case, for example ``"image/png"``."""

    pointer: ImagePointer
    """The bytes, in a tar under ``interleave/embedded_bytes/``."""
