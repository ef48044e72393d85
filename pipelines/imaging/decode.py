"""Decoding stored images into pixels for a model."""

import io
import struct
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

_DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, struct.error, MemoryError)
"""What Pillow's decoders raise on damaged files: its security notes promise no single class."""


class UndecodableImageError(ValueError):
    """The bytes are not an image that can be decoded; the message says why."""


def decode_rgb(data: bytes, image_format: str) -> Image.Image:
    """Returns the first frame of an image, upright (EXIF 2.32, tag 274), as 8-bit RGB.

    Only the decoder of ``image_format`` is tried, which the store read from the bytes. Transparency is dropped, as
    open_clip's own transforms do.

    Raises:
        UndecodableImageError: The pixels cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # How many pixels an image may have was decided when it was stored.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[image_format.upper()]) as image:
                image.load()
                upright: Image.Image = ImageOps.exif_transpose(image)
                return upright.convert("RGB")
    except UnidentifiedImageError as error:
        # Pillow's message names the address of a buffer.
        raise UndecodableImageError(f"not a {image_format} image") from error
    except (*_DECODER_ERRORS, Image.DecompressionBombError) as error:
        raise UndecodableImageError(f"{type(error).__name__}: {error}") from error
