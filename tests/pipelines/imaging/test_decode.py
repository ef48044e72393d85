import io

import pytest
from PIL import Image

from pipelines.imaging.decode import UndecodableImageError, decode_rgb
from tests.pipelines.upstream import picture

EXIF_ORIENTATION = 274


def test_an_image_that_was_taken_lying_is_upright() -> None:
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    image.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6  # to be turned a quarter clockwise
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)

    upright = decode_rgb(file.getvalue(), "png")

    assert upright.size == (2, 4)
    assert upright.getpixel((1, 0)) == (0, 0, 255)


def test_grey_palette_and_transparent_images_become_rgb() -> None:
    for mode in ("L", "P", "LA", "RGBA", "1", "I;16"):
        file = io.BytesIO()
        Image.new(mode, (3, 3)).save(file, "PNG")

        assert decode_rgb(file.getvalue(), "png").mode == "RGB"


@pytest.mark.parametrize("data", [b"", b"no picture", picture((1, 2, 3))[:60]], ids=["empty", "text", "cut"])
def test_damaged_bytes_are_one_error_without_an_address(data: bytes) -> None:
    with pytest.raises(UndecodableImageError) as caught:
        decode_rgb(data, "png")

    assert "0x" not in str(caught.value)


def test_only_the_decoder_of_the_stated_format_is_tried() -> None:
    with pytest.raises(UndecodableImageError, match="not a jpeg image"):
        decode_rgb(picture((1, 2, 3)), "jpeg")
