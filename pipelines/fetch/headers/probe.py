"""Image bytes to a header: the format by its magic bytes, never by a name or a content type."""

from collections.abc import Callable

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers.avif import is_avif, read_avif
from pipelines.fetch.headers.gif import read_gif
from pipelines.fetch.headers.header import ImageHeader
from pipelines.fetch.headers.jpeg import read_jpeg
from pipelines.fetch.headers.png import SIGNATURE, read_png
from pipelines.fetch.headers.webp import read_webp
from schemas.rejections import RejectReason

MIN_BYTES = 12

_READERS: dict[str, Callable[[bytes], ImageHeader]] = {
    "jpeg": read_jpeg,
    "png": read_png,
    "webp": read_webp,
    "gif": read_gif,
    "avif": read_avif,
}
_MAGIC = (b"\xff\xd8\xff", SIGNATURE, b"GIF87a", b"GIF89a", b"RIFF")
_OTHERS = (
    (b"<svg", "SVG"),
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"%pdf", "PDF"),
    (b"%!ps", "PostScript"),
    (b"bm", "BMP"),
    (b"ii*\0", "TIFF"),
    (b"mm\0*", "TIFF"),
    (b"8bps", "Photoshop"),
    (b"\0\0\1\0", "an icon"),
    (b"\x1f\x8b", "gzip"),
    (b"\xff\x0a", "JPEG XL"),
)


def image_format(data: bytes) -> str | None:
    """Returns the format of the bytes by their beginning, None where it is none of the five."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(SIGNATURE):
        return "png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return "avif" if is_avif(data) else None


def probe(data: bytes) -> ImageHeader:
    """Returns the header of an image.

    Raises:
        BadImageError: The bytes are empty, of none of the five formats, or not whole.
    """
    if not data:
        raise BadImageError(RejectReason.EMPTY_FILE, "no bytes")
    if len(data) < MIN_BYTES and any(data.startswith(magic[: len(data)]) for magic in _MAGIC):
        raise broken(f"only {len(data)} bytes")
    name = image_format(data)
    if name is None:
        raise BadImageError(RejectReason.NOT_AN_IMAGE, f"not a JPEG, PNG, WebP, GIF or AVIF but {_describe(data)}")
    return _READERS[name](data)


def _describe(data: bytes) -> str:
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    known = next((name for magic, name in _OTHERS if head.startswith(magic)), None)
    return known or f"bytes that begin with {data[:8].hex(' ')}"
