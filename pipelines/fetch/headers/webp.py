"""WebP headers (RFC 9649)."""

import struct
from collections.abc import Iterator

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers import exif
from pipelines.fetch.headers.header import MAX_PARTS, ImageHeader
from schemas.rejections import RejectReason

_EXIF_PREFIX = b"Exif\0\0"


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields ``(type, start of its content, end of its content)`` within the RIFF container.

    Raises:
        BadImageError: The container or a chunk leaves the file, or there are too many chunks.
    """
    end_of_file = 8 + int.from_bytes(data[4:8], "little")
    if end_of_file > len(data):
        raise broken(f"the WebP says {end_of_file} bytes and has {len(data)}")
    position = 12
    for _ in range(MAX_PARTS):
        if position + 8 > end_of_file:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > end_of_file:
            raise broken(f"the WebP chunk {kind!r} at byte {position} leaves the file")
        yield kind, position + 8, end
        position = end + (length & 1)
    raise BadImageError(RejectReason.TOO_COMPLEX, f"the WebP has over {MAX_PARTS} chunks", threshold=float(MAX_PARTS))


def read_webp(data: bytes) -> ImageHeader:
    """Returns the header of a WebP: its canvas where it has one.

    Raises:
        BadImageError: It is cut, or has no image.
    """
    size: tuple[int, int] | None = None
    orientation, n_frames, has_image = 1, 0, False
    for kind, start, end in chunks(data):
        content = data[start : min(end, start + 16)]
        if kind == b"VP8X" and size is None and len(content) >= 10:
            size = (1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little"))
        elif kind in {b"VP8 ", b"VP8L"}:
            size, has_image = size or _bitstream_size(kind, content), True
        elif kind == b"ANMF":
            n_frames, has_image = n_frames + 1, True
        elif kind == b"EXIF":
            orientation = exif.orientation(data[start:end].removeprefix(_EXIF_PREFIX))
    if size is None or not has_image:
        raise broken("the WebP has no image")
    if not size[0] or not size[1]:
        raise broken(f"the WebP is {size[0]} x {size[1]} pixels")
    return ImageHeader(
        format="webp", width=size[0], height=size[1], bit_depth=8, n_frames=max(1, n_frames), orientation=orientation
    )


def _bitstream_size(kind: bytes, content: bytes) -> tuple[int, int]:
    if kind == b"VP8 ":
        # RFC 6386, section 9.1: 3 bytes frame tag, start code 9d 01 2a, two 14-bit sizes.
        if len(content) < 10 or content[3:6] != b"\x9d\x01\x2a":
            raise broken("the WebP's VP8 data does not begin with a key frame")
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    # RFC 9649, section 3.4: signature 2f, then two 14-bit sizes less one.
    if len(content) < 5 or content[0] != 0x2F:
        raise broken("the WebP's VP8L data has no signature")
    bits = int.from_bytes(content[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
