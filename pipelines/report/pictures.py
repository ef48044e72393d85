"""Small pictures for a page that opens offline: WebP as data URIs."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageOps

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.images import ImagePointer

SIDE = 96
QUALITY = 60
"""At 96 pixels and quality 60 a WebP has about 1.3 kB, less than a JPEG and faster to make than an AVIF."""

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


def thumbnail(folder: RunFolder, pointer: ImagePointer) -> str | None:
    """Returns an image of the store as a data URI of at most ``SIDE`` pixels; None where it cannot be shown."""
    if pointer.length > MAX_BYTES:
        return None
    data = storage.read_range(folder.path(pointer.file), pointer.offset, pointer.length)
    try:
        return _shrink(data)
    except (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError):
        # The image was judged by other decoders before; a report does not fail over a thumbnail.
        return None


def _shrink(data: bytes) -> str | None:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            return None
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        small = ImageOps.exif_transpose(image).convert("RGB")
    small.thumbnail((SIDE, SIDE))
    packed = io.BytesIO()
    small.save(packed, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"
