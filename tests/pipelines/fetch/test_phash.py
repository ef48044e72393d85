"""The perceptual hash against imagehash, the reference that others use."""

import json

import imagehash
import numpy as np
import pytest
from PIL import Image

from pipelines.fetch.inspect_image import ImageLimits, inspect_image
from pipelines.fetch.phash import SIDE, grey_thumbnail, hamming, phash, turn_upright
from tests.corpus import corpus_path
from tests.pipelines.fetch.images import encode, noise, picture

LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000)


def hash_of(image: Image.Image) -> str:
    return phash(grey_thumbnail(image))


@pytest.mark.parametrize("seed", range(20))
def test_of_the_same_grey_pixels_it_is_imagehash_bit_for_bit(seed: int) -> None:
    pixels = np.asarray(noise(SIDE, SIDE, seed).convert("L"))

    assert phash(pixels) == str(imagehash.phash(Image.fromarray(pixels)))


def test_a_copy_of_half_the_size_and_low_quality_is_near() -> None:
    distances = []
    for seed in range(20):
        image = noise(200, 160, seed)
        copy = encode(image.resize((100, 80)), "JPEG", quality=60)
        distances.append(hamming(hash_of(image), inspect_image(copy, LIMITS).phash))

    assert max(distances) <= 10


def test_unlike_images_are_far_apart() -> None:
    hashes = [hash_of(noise(64, 64, seed)) for seed in range(20)]

    assert min(hamming(a, b) for at, a in enumerate(hashes) for b in hashes[:at]) > 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_has_the_hash_of_what_one_sees(orientation: int) -> None:
    shown = noise(64, 64, 3)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = shown.transpose(undo[orientation]) if orientation in undo else shown
    exif = Image.Exif()
    exif[0x0112] = orientation

    found = inspect_image(encode(stored, "PNG", exif=exif.tobytes()), LIMITS)

    assert hamming(found.phash, hash_of(shown)) <= 2
    turned = turn_upright(grey_thumbnail(stored), orientation)
    assert np.abs(turned.astype(int) - grey_thumbnail(shown)).max() <= 1


def test_flat_images_of_any_colour_are_alike_and_black_has_no_bit() -> None:
    flats = {hash_of(Image.new("RGB", (50, 50), (level, level, level))) for level in (1, 77, 255)}

    assert flats == {"8000000000000000"}
    assert hash_of(Image.new("RGB", (50, 50))) == "0000000000000000"


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)

    assert hamming(hash_of(Image.fromarray(ramp)), hash_of(Image.fromarray((ramp >> 8).astype(np.uint8)))) <= 1


def test_what_is_transparent_counts_as_white() -> None:
    hidden = noise(64, 64, 5)
    hidden.putalpha(0)

    assert hash_of(hidden) == hash_of(Image.new("RGB", (64, 64), "white"))


def test_the_hash_is_pinned() -> None:
    assert inspect_image(picture(64, 48, 0), LIMITS).phash == "fed818c8f313d4c4"


def test_the_hashes_of_the_corpus_are_near_those_of_imagehash() -> None:
    distances = []
    for line in corpus_path("web", "images.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["decodes"] and row["phash"] and not row["has_alpha"] and row["bytes"] < 200_000:
            data = corpus_path(row["path"]).read_bytes()
            distances.append(hamming(inspect_image(data, LIMITS).phash, row["phash"]))

    assert len(distances) > 500
    # Ours shrinks large images in two steps: a bit or two move.
    assert np.mean(distances) < 1
    assert np.mean(np.array(distances) <= 6) > 0.99
