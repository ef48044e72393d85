import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.recaption.fuse import clean, fuse, says_nothing


@pytest.mark.parametrize(
    ("alt", "caption", "expected"),
    [
        # A name or place that cannot be seen is added, with its preposition.
        (
            "112 Lafayette Dr.",
            "a red brick house with a white roof and a front porch",
            "A red brick house with a white roof and a front porch, 112 Lafayette Dr.",
        ),
        ("A red wall near Paris", "a red wall with flowers", "A red wall with flowers near Paris."),
        ("Tower in Maren, 1902", "a stone tower on a hill.", "A stone tower on a hill in Maren, 1902."),
        ("The tower of Maren", "a stone tower on a hill", "A stone tower on a hill, the tower of Maren."),
        ("A red circle at night", "a red square", "A red square, a red circle at night."),
        # What the caption says already is not said twice.
        ("a red wall", "a red wall with flowers", "A red wall with flowers."),
        ("red/blue walls", "a red wall", "A red wall, red/blue walls."),
        ("Walls, red", "a red wall with flowers", "A red wall with flowers."),
        # Names give the caption their spelling.
        ("The mill of Norhaven", "a mill in norhaven at night", "A mill in Norhaven at night."),
        # An alt text that says nothing is left out.
        ("IMG_2041.JPG", "a dog on grass", "A dog on grass."),
        ("image", "a dog on grass", "A dog on grass."),
        ("Photo 3", "a dog on grass", "A dog on grass."),
        # Leads are no part of a sentence.
        ("Figure 6. Picture of two black squares.", "a photo of two squares", "Two squares, two black squares."),
        # Without a caption the alt text is the sentence.
        ("the wall of Maren", "", "The wall of Maren."),
        ("", "", ""),
    ],
)
def test_both_are_one_sentence(alt: str, caption: str, expected: str) -> None:
    assert fuse(alt, caption) == expected


def test_leads_and_full_stops_are_cleaned_away() -> None:
    assert clean("  This image shows  a red\nwall. ") == "a red wall"
    assert clean("Pictures of the year") == "the year"
    assert clean("Picturesque wall") == "Picturesque wall"


def test_file_names_and_generic_words_say_nothing() -> None:
    for alt in ("", "photo", "DSC00012", "header-image.png", "...", "1234", "Image of"):
        assert says_nothing(alt), alt
    for alt in ("wall", "Maren", "photo of Maren", "家"):
        assert not says_nothing(alt), alt


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_fusion_is_one_line_and_the_same_every_time(alt: str, caption: str) -> None:
    fused = fuse(alt, caption)

    assert fused == fuse(alt, caption)
    assert len(fused.splitlines()) <= 1
