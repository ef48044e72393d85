import pytest

from mm1_model.evaluation.shots import Example, choose_shots, few_shot_prompt


def question(number: int, *, image: str | None = None, answers: tuple[str, ...] = ("red",)) -> Example:
    return Example(id=str(number), image=image or f"{number}.png", question=f"what is {number}?", answers=answers)


POOL = [question(number) for number in range(20)]


def test_a_caption_prompt_is_the_papers() -> None:
    shot = Example(id="a", image="a.png", question=None, answers=("a photo of a cat", "cat"))
    asked = Example(id="b", image="b.png", question=None, answers=("a dog",))

    assert few_shot_prompt([], asked) == ("<image> A photo of", ("b.png",))
    assert few_shot_prompt([shot], asked) == ("<image> A photo of a cat\n<image> A photo of", ("a.png", "b.png"))


def test_a_question_prompt_is_the_papers_and_shows_the_commonest_answer() -> None:
    shot = question(1, answers=("blue", "red", "red", "blue", "red"))

    assert few_shot_prompt([shot], question(2)) == (
        "<image> Question: what is 1? Short answer: red\n<image> Question: what is 2? Short answer:",
        ("1.png", "2.png"),
    )


def test_shots_are_fixed_by_the_seed_and_the_query_alone() -> None:
    first = choose_shots(POOL, question(99), count=4, seed=0)

    assert choose_shots(POOL[::-1], question(99), count=4, seed=0) == first
    assert choose_shots(POOL, question(99), count=4, seed=1) != first
    assert choose_shots(POOL, question(98), count=4, seed=0) != first
    assert len({shot.id for shot in first}) == 4


def test_more_shots_end_with_the_fewer() -> None:
    eight = choose_shots(POOL, question(99), count=8, seed=0)

    assert choose_shots(POOL, question(99), count=4, seed=0) == eight[-4:]


def test_a_shot_never_shows_the_picture_that_is_asked_about() -> None:
    pool = [question(number, image="same.png") for number in range(5)] + [question(7)]

    assert [s.id for s in choose_shots(pool, question(9, image="same.png"), count=1, seed=0)] == ["7"]


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"8 shots are asked for, the training split has 5 for example '99'"):
        choose_shots(POOL[:5], question(99), count=8, seed=0)
