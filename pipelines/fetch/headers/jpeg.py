"""JPEG headers (ITU-T T.81, annex B): frame, scans, orientation, and the end of the image."""

import re
import struct
from collections.abc import Iterator

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers import exif
from pipelines.fetch.headers.header import ImageHeader
from schemas.rejections import RejectReason

MAX_SEGMENTS = 2_000
"""Marker segments outside the scans' data."""

SOI, EOI, SOS, APP0, APP1, APP2, APP14, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
# In entropy-coded data FF is followed by 00 or a restart marker; anything else is the next segment.
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields ``(marker, start of its content, end of its content)`` up to and without EOI.

    The content of SOS ends with its scan's data.

    Raises:
        BadImageError: The file ends before EOI, a segment leaves the file, or there are too many.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        if position + 2 > len(data):
            raise broken("the JPEG ends before its end marker")
        if data[position] != 0xFF:
            raise broken(f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker == EOI:
            return
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if end > len(data) or end < position + 4:
            raise broken(f"the JPEG segment at byte {position} leaves the file")
        start = position + 4
        if marker == SOS:
            following = _NEXT_MARKER.search(data, end)
            if following is None:
                raise broken("the JPEG ends inside its image data")
            end = following.end() - 2
        yield marker, start, end
        position = end
    raise BadImageError(
        RejectReason.TOO_COMPLEX, f"the JPEG has over {MAX_SEGMENTS} segments", threshold=float(MAX_SEGMENTS)
    )


def read_jpeg(data: bytes) -> ImageHeader:
    """Returns the header of a JPEG.

    Raises:
        BadImageError: It is cut, lossless, has no size, or more segments than ``MAX_SEGMENTS``.
    """
    frame: tuple[int, int, int] | None = None
    orientation, n_scans, n_frames = 1, 0, 1
    for marker, start, end in segments(data):
        if marker in _LOSSLESS:
            raise BadImageError(RejectReason.NOT_AN_IMAGE, "a lossless JPEG: no browser shows it")
        if marker in _FRAMES and frame is None:
            frame = _read_frame(data[start:end])
        elif marker == SOS:
            n_scans += 1
        elif marker == APP1 and orientation == 1 and data[start : start + 6] == b"Exif\0\0":
            orientation = exif.orientation(data[start + 6 : end])
        elif marker == APP2 and data[start : start + 4] == b"MPF\0":
            n_frames = exif.first_directory_integer(data[start + 4 : end], exif.NUMBER_OF_IMAGES) or 1
    if frame is None or not n_scans:
        raise broken("the JPEG has no frame" if frame is None else "the JPEG has no image data")
    bit_depth, height, width = frame
    if not width or not height:
        raise broken(f"the JPEG is {width} x {height} pixels")
    return ImageHeader(
        format="jpeg",
        width=width,
        height=height,
        bit_depth=bit_depth,
        n_frames=n_frames,
        n_scans=n_scans,
        orientation=orientation,
    )


def _read_frame(content: bytes) -> tuple[int, int, int]:
    if len(content) < 6:
        raise broken("the JPEG's frame header is cut")
    bit_depth, height, width = struct.unpack_from(">BHH", content)
    return bit_depth, height, width


def strip_jpeg(data: bytes) -> bytes:
    """Returns the image without its metadata: all APPn but JFIF and Adobe (which say how to read colours), no comments.

    What stands after the end marker goes too.
    """
    kept = [data[:2]]
    for marker, start, end in segments(data):
        if marker == COM or (APP0 < marker <= 0xEF and marker != APP14):
            continue
        kept.append(data[start - 4 : end])
    kept.append(b"\xff\xd9")
    return b"".join(kept)
