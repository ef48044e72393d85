"""A 64-bit perceptual hash of an image, exact in every bit on every machine.

The classic scheme (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.2.1):
32 x 32 grey pixels, cosine transform, the 8 x 8 lowest frequencies, one bit for each that lies above their median. All
arithmetic is on integers, so that no library or processor can move a bit.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
BITS = 8
_SCALE = 1 << 14
_FREQUENCIES = np.arange(BITS)[:, None] * (2 * np.arange(SIDE)[None, :] + 1) * np.pi / (2 * SIDE)
COSINES = np.rint(np.cos(_FREQUENCIES) * _SCALE).astype(np.int64)
"""``(8, 32)``: the first rows of a DCT-II of length 32, as integers."""


def grey_thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """Returns the image as ``(32, 32)`` grey pixels; what is transparent counts as white."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would clip 16 bits to 8, not scale them.
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Premultiplied, so that hidden colours do not bleed into visible ones.
        small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        white = Image.new("RGBA", small.size, "white")
        return np.asarray(Image.alpha_composite(white, small).convert("L"))
    if image.mode not in {"L", "RGB"}:
        image = image.convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0).convert("L"))


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Returns pixels ``(H, W)`` turned as an EXIF orientation says (EXIF 2.32, section 4.6.4 A)."""
    if orientation >= 5:
        pixels = pixels.T
    # After the transposition of 5 to 8, what is left is a flip of rows, of columns, or of both.
    flip_rows = orientation in {3, 4, 7, 8}
    flip_columns = orientation in {2, 3, 6, 7}
    return pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def phash(pixels: NDArray[np.uint8]) -> str:
    """Returns the hash of ``(32, 32)`` grey pixels as 16 hexadecimal digits, row-major, lowest frequency first."""
    grey = pixels.astype(np.int64)
    total = int(grey.sum())
    # Without its mean a flat image has no frequencies at all; rounded cosines would see some.
    centred = grey * (SIDE * SIDE) - total
    spectrum = (COSINES @ centred @ COSINES.T).reshape(-1)
    spectrum[0] = total * SIDE * SIDE * _SCALE * _SCALE
    ordered = np.sort(spectrum)
    middle = BITS * BITS // 2
    bits = 2 * spectrum > ordered[middle - 1] + ordered[middle]
    return np.packbits(bits).tobytes().hex()


def hamming(left: str, right: str) -> int:
    """Returns in how many bits two hashes differ."""
    return (int(left, 16) ^ int(right, 16)).bit_count()
