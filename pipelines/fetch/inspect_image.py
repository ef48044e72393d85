"""Bytes to a checked image: limits from the header, one full decode, perceptual hash, id."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers.header import ImageHeader
from pipelines.fetch.headers.jpeg import strip_jpeg
from pipelines.fetch.headers.png import strip_png
from pipelines.fetch.headers.probe import probe
from pipelines.fetch.phash import grey_thumbnail, phash, turn_upright
from schemas.digests import image_id
from schemas.rejections import RejectReason

MAX_SCANS = 64
"""Scans of a JPEG and cells of an AVIF grid: each is a pass over all pixels or a decoder of its own."""

MAX_SCANNED_PIXELS = 800_000_000
"""Pixels times scans: two seconds of decoding."""

DRAFT_SIDE = 128
"""A JPEG is decoded in grey, and at a half, quarter or eighth while its shorter side stays above this.

All its data is still read, so damage is still seen; what is saved is the transform of pixels that nobody looks at.
"""

_STRIP = {"jpeg": strip_jpeg, "png": strip_png}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What an image may have before it is decoded."""

    max_bytes: int
    max_pixels: int
    """Width times height of one frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedImage:
    """An image that was decoded whole."""

    image_id: str
    header: ImageHeader
    phash: str
    """Of the upright image, 16 hexadecimal digits."""


def inspect_image(data: bytes, limits: ImageLimits) -> InspectedImage:
    """Returns what is known of an image after a full decode of its first frame.

    Raises:
        BadImageError: The bytes are no image, not a whole one, or over a limit.
    """
    check_bytes(len(data), limits.max_bytes)
    header = probe(data)
    check_header(header, limits)
    pixels = turn_upright(decode(data, header), header.orientation)
    return InspectedImage(image_id=image_id(data), header=header, phash=phash(pixels))


def check_bytes(n_bytes: int, max_bytes: int) -> None:
    """Raises BadImageError where a file is empty or too long."""
    if not n_bytes:
        raise BadImageError(RejectReason.EMPTY_FILE, "no bytes")
    if n_bytes > max_bytes:
        raise BadImageError(
            RejectReason.TOO_MANY_BYTES,
            f"{n_bytes} bytes, the limit is {max_bytes}",
            value=float(n_bytes),
            threshold=float(max_bytes),
        )


def check_header(header: ImageHeader, limits: ImageLimits) -> None:
    """Raises BadImageError where decoding would cost too much."""
    pixels = header.width * header.height
    if pixels > limits.max_pixels:
        raise BadImageError(
            RejectReason.TOO_MANY_PIXELS,
            f"{header.width} x {header.height} pixels, the limit is {limits.max_pixels} in all",
            value=float(pixels),
            threshold=float(limits.max_pixels),
        )
    for n, limit in ((header.n_scans, MAX_SCANS), (pixels * header.n_scans, MAX_SCANNED_PIXELS)):
        if n > limit:
            detail = f"{header.n_scans} scans or cells of {pixels} pixels: {n}, the limit is {limit}"
            raise BadImageError(RejectReason.TOO_COMPLEX, detail, value=float(n), threshold=float(limit))


def decode(data: bytes, header: ImageHeader) -> NDArray[np.uint8]:
    """Decodes the first frame whole and returns it as ``(32, 32)`` grey pixels, not yet upright.

    The decoder gets the image without its metadata, so that no hostile profile or comment costs a good image.

    Raises:
        BadImageError: The decoder refuses it, or sees another size than the header.
    """
    strip = _STRIP.get(header.format)
    pixels = strip(data) if strip else data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # The decoder's other remarks (odd EXIF, transparency in a palette) say nothing about the pixels.
            warnings.filterwarnings("ignore", category=UserWarning)
            with Image.open(io.BytesIO(pixels), formats=[header.format.upper()]) as image:
                if image.size not in {(header.width, header.height), (header.height, header.width)}:
                    raise broken(f"the header says {header.width} x {header.height}, the decoder sees {image.size}")
                if header.format == "jpeg":
                    image.draft("L", (DRAFT_SIDE, DRAFT_SIDE))
                image.load()
                return grey_thumbnail(image)
    except BadImageError:
        raise
    except Exception as error:
        # Of a damaged file a decoder may raise anything; Pillow promises no list, and each stands for the same verdict.
        raise broken(f"the decoder refuses it: {type(error).__name__}: {str(error)[:200]}") from error
