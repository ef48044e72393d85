"""What is said about a scene is true of it, and of no drawn other scene."""

from random import Random

import pytest

from world.captions import (
    NUMBER_WORDS,
    plain_caption,
    questions,
    sentence,
    varied_caption,
)
from world.scenes import COLORS, SHAPES, Group, Relation, Scene, Sign, other_scene, random_scene
from world.seeds import keyed_random

CIRCLE = Group(shape="circle", color="red")
SQUARES = Group(shape="square", color="blue", count=2)
ABOVE = Scene(background="gray", groups=(CIRCLE, SQUARES), relation=Relation.ABOVE)


def test_the_plain_caption_of_a_relation() -> None:
    assert plain_caption(ABOVE) == "a red circle above two blue squares"


def test_the_plain_caption_of_a_sign_has_the_right_article() -> None:
    scene = Scene(background="navy", sign=Sign(word="OPEN", color="white", board="orange"))

    assert plain_caption(scene) == "an orange sign with the word OPEN in white letters"


def test_opposite_phrasings_swap_the_groups() -> None:
    told = {varied_caption(ABOVE, Random(seed)) for seed in range(300)}

    assert "two blue squares below a red circle" in told
    assert "a red circle above two blue squares" in told
    assert len(told) > 30


@pytest.mark.parametrize("seed", range(40))
def test_a_description_names_every_color_shape_and_word(seed: int) -> None:
    rng = keyed_random(seed, "test")
    scene = random_scene(rng)

    for text in (plain_caption(scene), varied_caption(scene, rng), sentence(scene, rng)):
        for group in scene.groups:
            assert group.color in text
            assert group.shape in text
            assert (group.count == 1) or NUMBER_WORDS[group.count] in text or str(group.count) in text
        if scene.sign:
            assert scene.sign.word in text
            assert scene.sign.board in text


@pytest.mark.parametrize("seed", range(40))
def test_the_other_scene_shares_no_shape_and_no_word(seed: int) -> None:
    rng = keyed_random(seed, "test")
    scene = random_scene(rng)
    other = other_scene(rng, scene)

    assert not {group.shape for group in scene.groups} & {group.shape for group in other.groups}
    assert scene.sign is None or other.sign is None or scene.sign.word != other.sign.word


def test_the_questions_of_a_relation() -> None:
    asked = {question.question: question.answer for question in questions(ABOVE)}

    assert asked == {
        "What color is the circle?": "red",
        "How many circles are there?": "one",
        "What shape is the red object?": "circle",
        "What color are the squares?": "blue",
        "How many squares are there?": "two",
        "What shape are the blue objects?": "square",
        "Is the red circle above or below the blue squares?": "above",
        "Are the blue squares above or below the red circle?": "below",
    }


@pytest.mark.parametrize("seed", range(60))
def test_no_question_has_two_answers(seed: int) -> None:
    asked = [question.question for question in questions(random_scene(keyed_random(seed, "test")))]

    assert len(asked) == len(set(asked))


def test_scenes_use_every_shape_color_and_relation() -> None:
    scenes = [random_scene(keyed_random(1, index)) for index in range(400)]
    groups = [group for scene in scenes for group in scene.groups]

    assert {group.shape for group in groups} == set(SHAPES)
    assert {group.color for group in groups} == set(COLORS)
    assert {scene.relation for scene in scenes} == {None, *Relation}


def test_a_relation_without_two_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="a relation needs exactly two groups"):
        Scene(background="gray", groups=(CIRCLE,), relation=Relation.ABOVE)


def test_a_scene_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="either groups or a sign"):
        Scene(background="gray")
