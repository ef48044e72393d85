"""GIF headers (GIF89a specification)."""

import struct

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers.header import ImageHeader
from schemas.rejections import RejectReason

MAX_BLOCKS = 1_000_000
"""Blocks and sub-blocks that are walked to count frames."""

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def read_gif(data: bytes) -> ImageHeader:
    """Returns the header of a GIF: the screen, widened by its first frame where that is larger.

    A file that ends without a trailer after its first frame is taken as browsers take it.

    Raises:
        BadImageError: It is cut before its first frame, or has no size.
    """
    if len(data) < 13:
        raise broken("the GIF ends inside its header")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _colour_table_bytes(flags)
    n_frames = n_blocks = 0
    while position < len(data) and n_blocks < MAX_BLOCKS and data[position] != _TRAILER:
        kind = data[position]
        if kind == _EXTENSION:
            position += 2
        elif kind == _IMAGE and position + 10 <= len(data):
            left, top, frame_width, frame_height, frame_flags = struct.unpack_from("<4HB", data, position + 1)
            if not n_frames:
                width, height = max(width, left + frame_width), max(height, top + frame_height)
            n_frames += 1
            position += 11 + _colour_table_bytes(frame_flags)
        else:
            break
        position, walked = _skip_sub_blocks(data, position, MAX_BLOCKS - n_blocks)
        n_blocks += walked + 1
    if n_blocks >= MAX_BLOCKS:
        raise BadImageError(RejectReason.TOO_COMPLEX, f"the GIF has over {MAX_BLOCKS} blocks", threshold=MAX_BLOCKS)
    if not n_frames or not width or not height:
        raise broken("the GIF has no frame" if not n_frames else f"the GIF is {width} x {height} pixels")
    return ImageHeader(format="gif", width=width, height=height, bit_depth=(flags & 7) + 1, n_frames=n_frames)


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, position: int, limit: int) -> tuple[int, int]:
    walked = 0
    while position < len(data) and data[position] and walked < limit:
        position += 1 + data[position]
        walked += 1
    return position + 1, walked
