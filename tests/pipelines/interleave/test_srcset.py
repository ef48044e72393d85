"""``srcset`` is read by the grammar of the HTML standard."""

import pytest

from pipelines.interleave.srcset import Candidate, best_candidate, parse_srcset


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a.jpg", [Candidate("a.jpg", None, 1.0)]),
        ("a.jpg, b.jpg 2x", [Candidate("a.jpg", None, 1.0), Candidate("b.jpg", None, 2.0)]),
        ("a.jpg 100w, b.jpg 200w", [Candidate("a.jpg", 100, 1.0), Candidate("b.jpg", 200, 1.0)]),
        # Commas inside URLs part nothing; a comma at a URL's end does.
        (
            "https://cdn.example/c_fill,w_9/a.jpg 1x, https://cdn.example/c_fill,w_18/a.jpg 2x",
            [
                Candidate("https://cdn.example/c_fill,w_9/a.jpg", None, 1.0),
                Candidate("https://cdn.example/c_fill,w_18/a.jpg", None, 2.0),
            ],
        ),
        (" ,,, a.jpg 1.5x ,", [Candidate("a.jpg", None, 1.5)]),
        # Wrong descriptors drop their candidate alone.
        ("a 1x 2x, b -1w, c 1e999x, d .5x", [Candidate("d", None, 0.5)]),
        # From the platform tests: parentheses hide commas.
        ("data:,a ( , data:,b 1x, ), data:,c", [Candidate("data:,c", None, 1.0)]),
        ("a 100h", []),
        ("a 100w 50h", [Candidate("a", 100, 1.0)]),
        ("", []),
        (",,,", []),
    ],
)
def test_candidates_follow_the_grammar(value: str, expected: list[Candidate]) -> None:
    assert list(parse_srcset(value)) == expected


def test_the_widest_candidate_is_best_and_the_first_of_equals() -> None:
    candidates = parse_srcset("a 100w, b 300w, c 200w, d 300w")

    assert best_candidate(candidates) == Candidate("b", 300, 1.0)


def test_nothing_is_best_of_nothing() -> None:
    assert best_candidate([]) is None
