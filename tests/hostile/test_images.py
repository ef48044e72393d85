# ruff: noqa: E501  # one case a line
"""Hostile images: each is an image or has its one reason, in bounded time and memory, on every run the same."""

import gzip
import resource
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.process import DecoderProcess
from pipelines.fetch.inspect_image import ImageLimits, InspectedImage
from tests.hostile.hostile_images import (
    apng,
    avif_grid_cells,
    exif,
    gif_screen,
    idat,
    ihdr,
    jpeg_segment,
    many_scans,
    mpo,
    patched_jpeg,
    png,
    saved,
    webp_canvas,
    with_chunk,
    with_segment,
)
from tests.pipelines.fetch.images import encode, noise, picture

LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000)
JPEG = picture(image_format="JPEG")
PROGRESSIVE = picture(image_format="JPEG", progressive=True)
OK = "ok"


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderProcess]:
    process = DecoderProcess(LIMITS)
    yield process
    process.close()


def verdict(decoder: DecoderProcess, data: bytes) -> str:
    try:
        decoder.inspect(data)
    except BadImageError as error:
        return error.reason.value
    return OK


CASES = {
    # Bombs, refused from the header
    "gif-35-bytes": (gif_screen(13000, 13000), "too_many_pixels"),
    "webp-canvas": (webp_canvas(13000, 13000), "too_many_pixels"),
    "png-one-bit": (png(ihdr(13000, 13000, 1, 0), idat(13000 * 1626)), "too_many_pixels"),
    "png-2g": (png(ihdr(1, 2**31 - 1), idat(10)), "too_many_pixels"),
    "jpeg-65500": (patched_jpeg(0xC0, lambda data, at: struct.pack_into(">HH", data, at + 5, 65500, 65500)), "too_many_pixels"),
    "jpeg-scans": (many_scans(4000, 4000, 500), "too_complex"),
    "jpeg-segments": (with_segment(*[jpeg_segment(0xE5, b"x")] * 65000), "too_complex"),
    "avif-grid": (avif_grid_cells(), "too_complex"),
    "png-16-bit-rgba": (png(ihdr(6000, 6000, 16, 6), idat(6000 * 48001)), OK),
    # No size, or not whole
    "png-zero": (png(ihdr(0, 8), idat(10)), "broken_image"),
    "jpeg-zero": (patched_jpeg(0xC0, lambda data, at: struct.pack_into(">HH", data, at + 5, 0, 0)), "broken_image"),
    "jpeg-height-in-dnl": (patched_jpeg(0xC0, lambda data, at: struct.pack_into(">H", data, at + 5, 0)), "broken_image"),
    "jpeg-cut-10": (JPEG[: len(JPEG) // 10], "broken_image"),
    "jpeg-cut-50": (JPEG[: len(JPEG) // 2], "broken_image"),
    "jpeg-cut-last-byte": (JPEG[:-1], "broken_image"),
    "jpeg-no-end": (JPEG[:-2], "broken_image"),
    "progressive-cut-50": (PROGRESSIVE[: len(PROGRESSIVE) // 2], "broken_image"),
    "png-no-end": (png(ihdr(4, 4), idat(52), end=False), "broken_image"),
    "png-short-data": (png(ihdr(400, 400), idat(100)), "broken_image"),
    "png-no-data": (png(ihdr(4, 4)), "broken_image"),
    "png-chunk-length": (png(ihdr(4, 4), idat(52))[:33] + b"\x80\0\0\0IDAT", "broken_image"),
    "webp-cut": (picture(image_format="WEBP")[:-40], "broken_image"),
    "gif-cut": (picture(image_format="GIF")[:200], "broken_image"),
    "avif-cut": (picture(image_format="AVIF")[:-40], "broken_image"),
    "gif-without-palette": (gif_screen(4, 4, colours=b""), OK),
    "empty": (b"", "empty_file"),
    "one-byte": (b"\xff", "broken_image"),
    "jpeg-magic-only": (b"\xff\xd8\xff", "broken_image"),
    "png-magic-only": (b"\x89PNG\r\n\x1a\n", "broken_image"),
    "gif-magic-only": (b"GIF89a", "broken_image"),
    "webp-magic-only": (b"RIFF\x04\0\0\0WEBP", "broken_image"),
    "avif-magic-only": (b"\0\0\0\x10ftypavif\0\0\0\0", "broken_image"),
    # Pixels that lie
    "jpeg-huffman": (patched_jpeg(0xC4, lambda data, at: data.__setitem__(slice(at + 5, at + 21), b"\xff" * 16)), "broken_image"),
    "jpeg-no-tables": (patched_jpeg(0xDB, lambda data, at: data.__setitem__(at + 1, 0xE5)), "broken_image"),
    "jpeg-lossless": (patched_jpeg(0xC0, lambda data, at: data.__setitem__(at + 1, 0xC3)), "not_an_image"),
    "webp-lossless-noise": (b"RIFF" + struct.pack("<I", 84) + b"WEBPVP8L" + struct.pack("<I", 72) + b"\x2f\x3f\xc0\x0f\x10" + b"\xa5" * 67, "broken_image"),
    # Many frames: the first is the image
    "webp-20000-frames": (webp_canvas(8, 8, 20_000), OK),
    "apng-10000-frames": (apng(10_000), OK),
    "mpo-frames": (mpo(50), OK),
    "gif-extensions": (gif_screen(8, 8, b"!\xfe\0" * 100_000), OK),
    # Hostile metadata around good pixels
    "png-icc-bomb": (with_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(100_000_000))), OK),
    "png-text-bomb": (with_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(100_000_000))), OK),
    "png-itxt-bomb": (with_chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(bytes(100_000_000))), OK),
    "png-idat-pieces": (png(ihdr(64, 64), *[(b"IDAT", bytes([byte])) for byte in zlib.compress(bytes(64 * 193), 0)]), OK),
    "jpeg-exif-loop": (with_segment(exif(b"", 0, following=8)), OK),
    "jpeg-exif-count": (with_segment(exif(struct.pack("<HHII", 0x0112, 3, 2**32 - 1, 8), 1)), OK),
    "jpeg-orientation-as-text": (with_segment(exif(struct.pack("<HHI4s", 0x0112, 2, 2, b"6\0"), 1)), OK),
    "jpeg-icc-part-missing": (with_segment(*[jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 255]) + b"x" * 9) for n in range(1, 255)]), OK),
    # Other formats, whatever they are called
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://169.254.169.254/"/></svg>', "not_an_image"),
    "svg-after-declaration": (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "not_an_image"),
    "svgz": (gzip.compress(b"<svg/>" * 1000), "not_an_image"),
    "html": (b"<!doctype html><title>404</title>" * 10, "not_an_image"),
    "pdf": (b"%PDF-1.7 and more of it", "not_an_image"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n" * 3, "not_an_image"),
    "psd": (b"8BPS\0\1" + bytes(60), "not_an_image"),
    "tiff": (saved(noise(8, 8), "TIFF"), "not_an_image"),
    "bmp": (saved(noise(8, 8), "BMP"), "not_an_image"),
    "ico": (saved(noise(16, 16), "ICO"), "not_an_image"),
    "icns": (b"icns" + bytes(60), "not_an_image"),
    "jpeg-2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50), "not_an_image"),
    "jpeg-xl": (b"\xff\x0a" + bytes(50), "not_an_image"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "not_an_image"),
    "fits": (b"SIMPLE  =                    T" + bytes(60), "not_an_image"),
    "riff-wave": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(30), "not_an_image"),
    # Two things at once: what comes first decides
    "gif-and-zip": (picture(image_format="GIF") + b"PK\3\4" + bytes(50), OK),
    "pdf-and-jpeg": (b"%PDF-1.4\n" + JPEG, "not_an_image"),
    "jpeg-and-php": (JPEG + b"<?php system('id'); ?>", OK),
    # Odd and good
    "transparent": (encode(Image.new("RGBA", (64, 64), (0, 0, 0, 0))), OK),
    "palette-with-alpha": (encode(noise(64, 64).convert("P"), "PNG", transparency=3), OK),
    "grey-and-alpha": (encode(noise(64, 64).convert("LA")), OK),
    "one-bit": (encode(noise(64, 64).convert("1")), OK),
    "sixteen-bit": (encode(Image.new("I;16", (64, 64), 40000)), OK),
    "cmyk": (encode(noise(64, 64).convert("CMYK"), "JPEG"), OK),
    "flat": (encode(Image.new("RGB", (64, 64), "red")), OK),
    "one-pixel": (encode(Image.new("RGB", (1, 1))), OK),
    "thin": (encode(Image.new("L", (1, 60_000))), OK),
    "interlaced-16-bit": (png(ihdr(1, 1, 16, 6, interlace=1), idat(9)), OK),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_a_hostile_image_has_its_one_verdict(decoder: DecoderProcess, data: bytes, expected: str) -> None:
    assert verdict(decoder, data) == expected


def test_no_case_used_much_time_or_memory_of_ours(decoder: DecoderProcess) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data, _ in CASES.values():
        verdict(decoder, data)

    # Kilobytes. What a decoder uses it uses in its own process.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000


@pytest.mark.slow
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_damaged_images_are_refused_or_kept_and_nothing_else(decoder: DecoderProcess, image_format: str) -> None:
    import random

    rng = random.Random(f"mutations of {image_format}")
    good = picture(48, 40, image_format=image_format)
    verdicts = set()
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = len(data) if rng.random() < 0.8 else rng.randrange(len(data))
        verdicts.add(verdict(decoder, bytes(data[:cut])))

    known = {OK, "broken_image", "not_an_image", "too_many_pixels", "too_complex", "empty_file"}
    assert verdicts <= known
    assert len(verdicts) > 1


def test_frames_are_counted_though_only_one_is_decoded(decoder: DecoderProcess) -> None:
    counts = [inspected(decoder, CASES[name][0]).header.n_frames for name in CASES if name.endswith("-frames")]

    assert counts == [20_000, 10_000, 50]


def inspected(decoder: DecoderProcess, data: bytes) -> InspectedImage:
    return decoder.inspect(data)
