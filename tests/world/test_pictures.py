"""Pictures show their scene, and bad files are bad in the way they claim to be."""

import io
from dataclasses import replace

import imagehash
import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from world.drawing import Look, draw
from world.pictures import Make, Source, bomb_png, look_of, picture_bytes, scene_of
from world.scenes import COLORS, Group, Relation, Scene

SEED = 9
LOOK = Look(width=300, height=200, format="png", noise=5)


def source(index: int, make: Make = Make.DRAWN) -> Source:
    return Source(owner="page", index=index, slot=0, make=make)


def opened(index: int, make: Make = Make.DRAWN) -> Image.Image:
    return Image.open(io.BytesIO(picture_bytes(SEED, source(index, make))))


def middle_of_color(scene: Scene, color: str) -> tuple[float, float]:
    """Mean x and y of the pixels that have exactly this color."""
    pixels = np.asarray(draw(scene, LOOK))
    rows, columns = np.nonzero((pixels == COLORS[color]).all(axis=-1))
    return float(columns.mean()), float(rows.mean())


def related(relation: Relation) -> Scene:
    groups = (Group(shape="circle", color="red"), Group(shape="square", color="blue"))
    return Scene(background="gray", groups=groups, relation=relation)


def test_above_is_higher_in_the_picture() -> None:
    scene = related(Relation.ABOVE)

    assert middle_of_color(scene, "red")[1] < middle_of_color(scene, "blue")[1] - 40


def test_left_is_left_in_the_picture() -> None:
    scene = related(Relation.LEFT_OF)

    assert middle_of_color(scene, "red")[0] < middle_of_color(scene, "blue")[0] - 60


def test_inside_is_drawn_over_the_outer_shape() -> None:
    scene = related(Relation.INSIDE)
    red, blue = middle_of_color(scene, "red"), middle_of_color(scene, "blue")

    assert red == pytest.approx(blue, abs=12)


@pytest.mark.parametrize("count", range(1, 7))
def test_as_many_shapes_are_drawn_as_the_scene_counts(count: int) -> None:
    scipy_label = pytest.importorskip("scipy.ndimage").label
    scene = Scene(background="gray", groups=(Group(shape="star", color="red", count=count),))
    pixels = np.asarray(draw(scene, LOOK))

    _, found = scipy_label((pixels == COLORS["red"]).all(axis=-1), structure=np.ones((3, 3)))
    assert found == count


def test_resized_copies_are_near_and_other_pictures_are_far_by_perceptual_hash() -> None:
    originals = [imagehash.phash(opened(index)) for index in range(25)]
    copies = [imagehash.phash(opened(index, Make.RESIZED)) for index in range(25)]

    near = [original - copy for original, copy in zip(originals, copies, strict=True)]
    far = [one - two for place, one in enumerate(originals) for two in originals[place + 1 :]]
    assert max(near) <= 6
    assert min(far) > 10


def test_a_tiny_picture_is_under_150_pixels() -> None:
    assert max(opened(0, Make.TINY).size) < 150


def test_a_wide_picture_has_an_aspect_over_two() -> None:
    assert opened(0, Make.WIDE).size == (960, 240)


def test_a_huge_picture_is_a_small_file() -> None:
    assert opened(0, Make.HUGE).size == (20_100, 200)
    assert len(picture_bytes(SEED, source(0, Make.HUGE))) < 5_000


def test_the_bomb_claims_more_pixels_than_anyone_should_decode() -> None:
    width, height = (int.from_bytes(bomb_png()[start : start + 4], "big") for start in (16, 20))

    assert width * height == 3_600_000_000
    assert len(bomb_png()) < 2_000


def test_a_truncated_picture_opens_but_does_not_decode() -> None:
    with opened(0, Make.TRUNCATED) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_what_is_no_image_is_not_identified() -> None:
    with pytest.raises(UnidentifiedImageError):
        opened(0, Make.NOT_AN_IMAGE)


def test_a_copy_has_the_scene_of_its_original() -> None:
    assert scene_of(SEED, source(3)) == scene_of(SEED, source(3, Make.RESIZED))


def test_two_slots_of_a_page_have_two_pictures() -> None:
    first = source(3)

    assert picture_bytes(SEED, first) != picture_bytes(SEED, replace(first, slot=1))


def test_sides_are_200_to_512_and_aspects_at_most_one_and_a_half() -> None:
    looks = [look_of(SEED, source(index)) for index in range(200)]

    assert {look.format for look in looks} == {"jpeg", "png", "webp"}
    assert min(min(look.width, look.height) for look in looks) >= 200
    assert max(max(look.width, look.height) for look in looks) <= 512
    assert all(2 * max(look.width, look.height) <= 3 * min(look.width, look.height) + 1 for look in looks)
