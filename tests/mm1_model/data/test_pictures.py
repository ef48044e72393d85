"""Pictures become upright RGB squares, whatever their file says."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from mm1_model.data.pictures import decode


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 4, y * 5, x + y], axis=-1).astype(np.uint8))


def test_resizing_equals_pillows_bicubic_within_a_level() -> None:
    image = gradient(500, 375)
    expected = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC), dtype=int)
    difference = np.abs(decode(encoded(image), 224).permute(1, 2, 0).numpy().astype(int) - expected)

    assert difference.mean() < 0.1
    assert difference.max() <= 8


def test_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (40, 20), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: to be turned by 90 degrees clockwise
    turned = decode(encoded(image, "JPEG", exif=exif, quality=95), 16)

    assert turned[0, 2, 8] > 200  # red is on top
    assert turned[2, 13, 8] > 200  # blue at the bottom


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "RGBA", "YCbCr"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = gradient().convert(mode)
    file_format = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    pixels = decode(encoded(image, file_format), 32)

    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == torch.uint8


def test_transparency_lies_on_white() -> None:
    image = Image.new("RGBA", (10, 10), (255, 0, 0, 0))

    assert (decode(encoded(image), 4) == 255).all()


def test_a_palette_with_a_transparent_colour_lies_on_white() -> None:
    image = Image.new("P", (10, 10), 0)
    image.putpalette([10, 20, 30] + [0] * 765)

    assert (decode(encoded(image, "PNG", transparency=0), 4) == 255).all()


def test_sixteen_bit_grey_keeps_its_levels() -> None:
    levels = np.full((8, 8), 0x8000, dtype=np.uint16)

    assert set(decode(encoded(Image.fromarray(levels)), 4).flatten().tolist()) == {128}


def test_crop_takes_the_middle_and_pad_adds_grey() -> None:
    image = Image.new("RGB", (60, 20), (0, 0, 0))
    image.paste((255, 255, 255), (20, 0, 40, 20))

    assert (decode(encoded(image), 20, fit="crop") == 255).all()
    padded = decode(encoded(image), 30, fit="pad")
    assert (padded[:, :10] == 128).all()
    assert (padded[:, 20:] == 128).all()
    assert padded[0, 15, 15] == 255
    assert padded[0, 15, 1] == 0


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, encoded(gradient(), "JPEG")[:400]])
def test_what_is_no_whole_image_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a whole image"):
        decode(data, 16)


def test_other_formats_are_not_opened() -> None:
    with pytest.raises(ValueError, match="not a whole image"):
        decode(encoded(gradient(), "TIFF"), 16)
