"""The facts of an image header."""

from dataclasses import dataclass

SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations that turn an image by a quarter (EXIF 2.32, section 4.6.4 A)."""

MAX_PARTS = 100_000
"""Chunks, blocks or boxes of one file that are walked; a file with more is too complex to be an image of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What the header of an image states. Nothing is decoded for it."""

    format: str
    """``"jpeg"``, ``"png"``, ``"webp"``, ``"gif"`` or ``"avif"``."""

    width: int
    """Pixels as stored, before the orientation is applied."""

    height: int
    bit_depth: int
    """Bits of a channel (of a palette index in GIF and palette PNG)."""

    n_frames: int = 1
    n_scans: int = 1
    """Scans of a JPEG; cells of an AVIF grid."""

    orientation: int = 1
    """1 to 8 as in EXIF 2.32; 1 where absent or senseless."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Returns ``(width, height)`` in pixels as the image is to be looked at."""
        return (self.height, self.width) if self.orientation in SIDEWAYS else (self.width, self.height)
