"""Hostile image files, each made by the recipe that its name says."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from tests.pipelines.fetch.images import encode, noise, picture

Chunk = tuple[bytes, bytes]


def png(*chunks: Chunk, end: bool = True) -> bytes:
    """Returns a PNG of chunks with right checksums."""
    parts = [*chunks, (b"IEND", b"")] if end else list(chunks)
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> Chunk:
    """Returns an IHDR chunk; colour 0 is grey, 2 RGB, 3 palette, 6 RGBA."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def idat(n_bytes: int) -> Chunk:
    """Returns an IDAT chunk of so many zeros."""
    return b"IDAT", zlib.compress(bytes(n_bytes), 9)


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Yields the chunks of a PNG without IEND."""
    position = 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind != b"IEND":
            yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """Returns a good PNG with one more chunk before its pixels."""
    first, *others = png_chunks(picture())
    return png(first, (kind, content), *others)


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """Returns a marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segment(*segments: bytes) -> bytes:
    """Returns a good JPEG with segments after its first marker."""
    data = picture(image_format="JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def exif(entries: bytes, count: int, following: int = 0) -> bytes:
    """Returns an EXIF segment with one directory."""
    tiff = b"II*\0" + struct.pack("<IH", 8, count) + entries + struct.pack("<I", following)
    return jpeg_segment(0xE1, b"Exif\0\0" + tiff)


def patched_jpeg(marker: int, change: Callable[[bytearray, int], None]) -> bytes:
    """Returns a good JPEG with a change at the first segment of a marker."""
    data = bytearray(picture(image_format="JPEG"))
    change(data, data.index(bytes([0xFF, marker])))
    return bytes(data)


def many_scans(width: int, height: int, count: int) -> bytes:
    """Returns a progressive JPEG whose first scan comes again and again."""
    data = encode(Image.new("L", (width, height)), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    following = data.index(b"\xff\xc4", start) if b"\xff\xc4" in data[start:] else data.index(b"\xff\xda", start + 2)
    return data[:start] + data[start:following] * count + data[following:]


def webp_canvas(width: int, height: int, frames: int = 2) -> bytes:
    """Returns an animated WebP of 1 x 1 frames on a large canvas."""
    inner = encode(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    frame = b"\0" * 6 + (0).to_bytes(3, "little") * 2 + (10).to_bytes(3, "little") + b"\0" + inner
    anmf = b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) & 1)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    head = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    body = b"WEBP" + head + anmf * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif_screen(width: int, height: int, middle: bytes = b"", colours: bytes = b"\0\0\0\xff\xff\xff") -> bytes:
    """Returns a GIF of one 1 x 1 frame on a large screen; ``middle`` stands before the frame."""
    flags = 0x80 if colours else 0
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + colours
    return screen + middle + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0;"


def apng(frames: int) -> bytes:
    """Returns an animated PNG of small frames."""
    images = [noise(8, 8, seed) for seed in range(2)]
    data = encode(images[0], "PNG", save_all=True, append_images=[images[1]])
    chunks = [(kind, body) for kind, body in png_chunks(data) if kind != b"acTL"]
    return png(chunks[0], (b"acTL", struct.pack(">II", frames, 0)), *chunks[1:])


def mpo(frames: int) -> bytes:
    """Returns a multi-picture file."""
    first, *others = (noise(16, 16, seed) for seed in range(frames))
    return encode(first, "MPO", save_all=True, append_images=others)


def avif_grid_cells() -> bytes:
    """Returns an AVIF whose primary item says that it is made of 65,025 cells."""
    data = picture(image_format="AVIF")
    # An iref box of one dimg reference from item 1 to 65,025 others, put into the meta box.
    references = struct.pack(">HH", 1, 65025) + b"\0\x02" * 65025
    dimg = struct.pack(">I4s", 8 + len(references), b"dimg") + references
    iref = struct.pack(">I4sI", 12 + len(dimg), b"iref", 0) + dimg
    at = data.index(b"meta") - 4
    (size,) = struct.unpack_from(">I", data, at)
    return data[:at] + struct.pack(">I", size + len(iref)) + data[at + 4 : at + size] + iref + data[at + size :]


def saved(image: Image.Image, image_format: str) -> bytes:
    """Returns an image in any format of Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()
