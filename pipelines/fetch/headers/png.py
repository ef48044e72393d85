"""PNG headers (W3C PNG, third edition, sections 5, 11 and 13)."""

import struct
from collections.abc import Iterator

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers import exif
from pipelines.fetch.headers.header import MAX_PARTS, ImageHeader
from schemas.rejections import RejectReason

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 2**31 - 1
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields ``(type, start of its content, end of its content)`` up to and with IEND.

    Raises:
        BadImageError: A chunk leaves the file, IEND is missing, or there are too many chunks.
    """
    position = len(SIGNATURE)
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            raise broken("the PNG ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise broken(f"the PNG chunk {kind!r} at byte {position} leaves the file")
        yield kind, position + 8, end
        if kind == b"IEND":
            return
        position = end + 4
    raise BadImageError(RejectReason.TOO_COMPLEX, f"the PNG has over {MAX_PARTS} chunks", threshold=float(MAX_PARTS))


def read_png(data: bytes) -> ImageHeader:
    """Returns the header of a PNG, of the still image where it is animated.

    Raises:
        BadImageError: It is cut, or has no size or no image data.
    """
    first = next(chunks(data))
    if first[0] != b"IHDR" or first[2] - first[1] != 13:
        raise broken("the PNG does not begin with an IHDR chunk")
    width, height, bit_depth = struct.unpack_from(">IIB", data, first[1])
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        raise broken(f"the PNG is {width} x {height} pixels")
    orientation, n_frames, has_data = 1, 1, False
    for kind, start, end in chunks(data):
        if kind == b"IDAT":
            has_data = True
        elif kind == b"eXIf":
            orientation = exif.orientation(data[start:end])
        elif kind == b"acTL" and end - start == 8:
            n_frames = max(1, int.from_bytes(data[start : start + 4], "big"))
    if not has_data:
        raise broken("the PNG has no image data")
    return ImageHeader(
        format="png", width=width, height=height, bit_depth=bit_depth, n_frames=n_frames, orientation=orientation
    )


def strip_png(data: bytes) -> bytes:
    """Returns the still image with nothing but its size, palette, transparency and pixels."""
    kept = [SIGNATURE]
    kept += [data[start - 8 : end + 4] for kind, start, end in chunks(data) if kind in _PIXELS]
    return b"".join(kept)
