"""Header facts against Pillow, which reads the same files by other code."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.headers.probe import image_format, probe
from tests.corpus import corpus_path
from tests.pipelines.fetch.images import encode, noise, picture

FORMATS = ("jpeg", "png", "webp", "gif", "avif")


def with_orientation(image_format: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(60, 40, image_format=image_format.upper(), exif=exif.tobytes())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (640, 480), (255, 257), (1000, 16)])
def test_format_and_size_are_those_that_pillow_sees(name: str, size: tuple[int, int]) -> None:
    header = probe(picture(*size, image_format=name.upper()))

    assert (header.format, header.width, header.height) == (name, *size)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_is_that_of_the_turned_image(name: str, orientation: int) -> None:
    data = with_orientation(name, orientation)

    header = probe(data)

    with Image.open(io.BytesIO(data)) as image:
        assert header.upright_size == ImageOps.exif_transpose(image).size
        assert header.orientation == image.getexif().get(0x0112, 1)


@pytest.mark.parametrize(
    ("image", "name", "bits"),
    [
        (Image.new("1", (9, 9)), "PNG", 1),
        (Image.new("I;16", (9, 9)), "PNG", 16),
        (Image.new("RGB", (9, 9)), "PNG", 8),
        (Image.new("L", (9, 9)), "JPEG", 8),
        (Image.new("RGB", (9, 9)), "AVIF", 8),
    ],
)
def test_bits_of_a_channel(image: Image.Image, name: str, bits: int) -> None:
    assert probe(encode(image, name)).bit_depth == bits


@pytest.mark.parametrize("name", ["gif", "webp", "png", "avif"])
def test_frames_are_counted(name: str) -> None:
    frames = [noise(24, 24, seed) for seed in range(5)]

    data = encode(frames[0], name.upper(), save_all=True, append_images=frames[1:])

    assert probe(data).n_frames == 5


def test_scans_of_a_progressive_jpeg_are_counted() -> None:
    data = picture(image_format="JPEG", progressive=True)

    assert probe(data).n_scans == 10
    assert probe(picture(image_format="JPEG")).n_scans == 1


def test_lossless_and_extended_webp_have_their_size_elsewhere() -> None:
    lossless = picture(30, 20, image_format="WEBP", lossless=True)
    with_alpha = encode(noise(30, 20).convert("RGBA"), "WEBP", exif=with_orientation("jpeg", 6)[20:60])

    assert probe(lossless).upright_size == (30, 20)
    assert {probe(with_alpha).width, probe(with_alpha).height} == {30, 20}


@given(st.binary(max_size=200), st.sampled_from(FORMATS), st.integers(0, 400))
@settings(deadline=None, max_examples=300)
def test_no_bytes_raise_anything_but_a_reason(junk: bytes, name: str, place: int) -> None:
    good = picture(8, 8, image_format=name.upper())
    for data in (junk, good[:place] + junk, good[:place] + junk + good[place + len(junk) :]):
        try:
            header = probe(data)
        except BadImageError:
            continue
        assert header.width > 0
        assert header.format == image_format(data)


def test_every_image_of_the_corpus_has_its_known_header() -> None:
    wrong = []
    for line in corpus_path("web", "images.jsonl").read_text().splitlines():
        row = json.loads(line)
        if not row["decodes"]:
            continue
        header = probe(corpus_path(row["path"]).read_bytes())
        name = {"MPO": "jpeg"}.get(row["format"], row["format"].lower())
        if (header.format, *header.upright_size, header.n_frames) != (name, row["width"], row["height"], row["frames"]):
            wrong.append((row["path"], header))

    assert wrong == []
