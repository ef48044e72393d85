"""The bytes behind every image URL of the world: drawn pictures, copies of them, and bad files."""

import io
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from PIL import Image

from world.drawing import Look, draw, encode, random_look
from world.scenes import Scene, random_scene
from world.seeds import keyed_random


class Make(StrEnum):
    """How the bytes of an image are made."""

    DRAWN = "drawn"
    RESIZED = "resized"
    SMALL = "small"
    TINY = "tiny"
    WIDE = "wide"
    HUGE = "huge"
    GIF = "gif"
    TRUNCATED = "truncated"
    NOT_AN_IMAGE = "not_an_image"
    EMPTY = "empty"
    BOMB = "bomb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Names the bytes of an image: equal sources give equal bytes, in any order of work."""

    owner: str
    """What the picture was drawn for: ``page``, ``shared``, ``pair`` or ``heldout``."""

    index: int
    slot: int
    make: Make = Make.DRAWN


_FIXED_SIZES = {Make.SMALL: (200, 200), Make.TINY: (96, 72), Make.WIDE: (960, 240)}

_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def scene_of(seed: int, source: Source) -> Scene:
    """Returns what the picture shows."""
    return random_scene(keyed_random(seed, "scene", source.owner, source.index, source.slot))


def look_of(seed: int, source: Source) -> Look:
    """Returns size, format and noise of the picture; a resized copy has those of its original."""
    rng = keyed_random(seed, "look", source.owner, source.index, source.slot)
    return random_look(rng, size=_FIXED_SIZES.get(source.make))


def extension_of(seed: int, source: Source) -> str:
    """Returns the ending of the file's name, without a dot."""
    if source.make in (Make.HUGE, Make.BOMB):
        return "png"
    if source.make is Make.GIF:
        return "gif"
    if source.make in (Make.TRUNCATED, Make.NOT_AN_IMAGE, Make.EMPTY, Make.RESIZED):
        return "jpg"
    return _EXTENSIONS[look_of(seed, source).format]


def picture_bytes(seed: int, source: Source) -> bytes:
    """Returns the file."""
    if source.make is Make.HUGE:
        return _huge_png()
    if source.make is Make.BOMB:
        return bomb_png()
    if source.make is Make.NOT_AN_IMAGE:
        return b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture.</p>\n"
    if source.make is Make.EMPTY:
        return b""
    return _drawn_bytes(seed, source)


@lru_cache(maxsize=64)
def _drawn_bytes(seed: int, source: Source) -> bytes:
    look = look_of(seed, source)
    image = draw(scene_of(seed, source), look)
    if source.make is Make.RESIZED:
        smaller = (round(look.width * 0.8), round(look.height * 0.8))
        return encode(image.resize(smaller, Image.Resampling.BICUBIC), "jpeg")
    if source.make is Make.GIF:
        buffer = io.BytesIO()
        image.quantize(32, method=Image.Quantize.FASTOCTREE).save(buffer, "GIF")
        return buffer.getvalue()
    if source.make is Make.TRUNCATED:
        whole = encode(image, "jpeg")
        return whole[: len(whole) // 3]
    return encode(image, look.format)


@lru_cache(maxsize=1)
def _huge_png() -> bytes:
    """A picture with a side over 20,000 pixels in a few kilobytes."""
    image = Image.new("1", (20_100, 200), 1)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def bomb_png() -> bytes:
    """A PNG (RFC 2083) whose header claims 60,000 x 60,000 pixels; its data ends after one row."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(1 + 3 * 60_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
