import pytest

from pipelines.recaption.guards import Refused, is_repetitive, refuse
from pipelines.recaption.prompts import CAPTION_PROMPT, FUSE_PROMPT


def reason(caption: str, languages: tuple[str, ...] = ("en",), prompt: str = "") -> Refused | None:
    return refuse(caption, max_words=20, languages=languages, prompt=prompt)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("", Refused.EMPTY),
        (" ... !", Refused.EMPTY),
        ("I'm sorry, but I can't help with that.", Refused.REFUSAL),
        ("As an AI language model I do not see pictures.", Refused.REFUSAL),
        ("I cannot see the image you mention.", Refused.REFUSAL),
        ("Please provide the picture.", Refused.REFUSAL),
        ("Caption 1: a red wall", Refused.ECHO),
        ("Output: a red wall", Refused.ECHO),
        ("a red wall <|im_end|>", Refused.ECHO),
        ("a wall " * 11, Refused.TOO_LONG),
        ("a red red red red wall", Refused.REPETITION),
        ("one two three one two three one two three one two three", Refused.REPETITION),
        (
            "Zwei rote Häuser stehen neben einem alten Baum, und davor spielt ein kleines Kind mit einem Hund.",
            Refused.LANGUAGE,
        ),
    ],
)
def test_what_is_no_caption_is_refused_with_its_reason(caption: str, expected: Refused) -> None:
    assert reason(caption) is expected


@pytest.mark.parametrize(
    "caption",
    [
        "A red wall.",
        "Two dogs and two cats on two red mats.",
        "A sign that says sorry, we are closed",
        "A woman who cannot see over the fence",
        "A page of the text 2001: A Space Odyssey",
        "Zwei rote Häuser",  # too short to tell its language surely
    ],
)
def test_captions_of_things_that_look_like_refusals_stay(caption: str) -> None:
    assert reason(caption) is None


def test_a_run_of_the_prompt_is_an_echo() -> None:
    eight_words = "in one plain sentence of fewer than 25"

    assert eight_words in CAPTION_PROMPT
    assert reason(f"The wall {eight_words} words", prompt=CAPTION_PROMPT) is Refused.ECHO
    assert reason("A wall in one plain sentence of fewer words", prompt=CAPTION_PROMPT) is None
    assert reason("A red wall in Maren", prompt=FUSE_PROMPT) is None


def test_without_languages_any_language_stays() -> None:
    caption = "Zwei rote Häuser stehen neben einem alten Baum, und davor spielt ein kleines Kind mit einem Hund."

    assert reason(caption, languages=()) is None
    assert reason(caption, languages=("de",)) is None


def test_three_in_a_row_is_no_repetition_and_four_is() -> None:
    assert not is_repetitive(["ha", "ha", "ha", "said", "the", "parrot"])
    assert is_repetitive(["ha", "Ha", "HA", "ha", "said", "the", "parrot"])
