import pytest

from mm1_model.evaluation.answers import cut_answer, exact_match, normalise_answer, vqa_accuracy


@pytest.mark.parametrize(
    ("agreeing", "accuracy"),
    # Of the ten ways to leave one out: with k agreeing, k of them leave k - 1 and 10 - k leave k.
    [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)],
)
def test_soft_accuracy_by_hand(agreeing: int, accuracy: float) -> None:
    people = ["yes"] * agreeing + ["no"] * (10 - agreeing)

    assert vqa_accuracy("Yes.", people) == pytest.approx(accuracy)


def test_a_single_answer_is_an_exact_match() -> None:
    assert [vqa_accuracy("the red", ["red"]), vqa_accuracy("blue", ["red"])] == [1.0, 0.0]


def test_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="without any answer"):
        vqa_accuracy("yes", [])


def test_exact_match_takes_any_of_them() -> None:
    assert [exact_match("2", ["three", "two"]), exact_match("4", ["three", "two"])] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("The Dog.", "dog"),
        ("two", "2"),
        ("None", "0"),
        ("a man and an umbrella", "man and umbrella"),
        ("dont", "don't"),
        ("1,000", "1000"),
        ("3.5", "3.5"),
        ("black/white", "black white"),
        ("yes!", "yes"),
        ("  on   the\ntable ", "on table"),
        ("isn't", "isn't"),
    ],
)
def test_normal_form(answer: str, normal: str) -> None:
    assert normalise_answer(answer) == normal


@pytest.mark.parametrize(
    ("generated", "answer"),
    [
        (" red", "red"),
        (" red\n<image> Question", "red"),
        ("2 Question: what", "2"),
        ("left, because", "left"),
        ("1,000", "1,000"),
        ("", ""),
    ],
)
def test_what_a_model_wrote_is_cut_to_its_answer(generated: str, answer: str) -> None:
    assert cut_answer(generated) == answer
