import numpy as np
import pytest

from world.models.measures import COLOR_WORDS, SHAPE_WORDS, area_under_curve, share_of_words


def test_area_under_curve_by_hand() -> None:
    right = np.array([0.9, 0.5, 0.4])
    wrong = np.array([0.5, 0.1])

    # Of six couples, 0.4 against 0.5 is lost and 0.5 against 0.5 is a tie: (4 + 1/2) / 6.
    assert area_under_curve(right, wrong) == pytest.approx(0.75)


def test_words_must_match_exactly_but_plurals_and_order_do_not_count() -> None:
    references = ["a red circle above two blue squares", "three green crosses"]

    right = ["two blue squares below a red circle", "a green cross"]
    assert share_of_words(right, references, COLOR_WORDS) == 1.0
    assert share_of_words(right, references, SHAPE_WORDS) == 1.0


def test_a_missing_or_an_added_word_is_wrong() -> None:
    references = ["a red circle above two blue squares", "a green cross"]
    told = ["a red circle", "a green cross left of a black star"]

    assert share_of_words(told, references, COLOR_WORDS) == 0.0
    assert share_of_words(["a green cross", "a green cross"], references, SHAPE_WORDS) == 0.5
