import json
from pathlib import Path

import pytest

from mm1_model.evaluation.shots import Example
from mm1_model.evaluation.tasks import TaskError, read_task


def written(folder: Path, name: str, *records: object) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_captions_with_splits(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "captions.jsonl",
        {"image": "images/0.png", "captions": ["a cat", "one cat"], "split": "train"},
        {"image": "images/1.png", "captions": ["a dog"], "split": "test"},
    )

    task = read_task(path)

    assert task.name == f"{tmp_path.name}/captions"
    assert task.shots == (
        Example(id="captions:1", image=f"{tmp_path}/images/0.png", question=None, answers=("a cat", "one cat")),
    )
    assert [(e.id, e.answers) for e in task.asked] == [("captions:2", ("a dog",))]


def test_a_test_file_takes_its_shots_from_the_train_file_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "train.jsonl", {"image": "0.png", "question": "what?", "answer": "cat", "split": "train"})
    path = written(tmp_path, "test.jsonl", {"image": "1.png", "question": "what?", "answer": "dog", "split": "test"})

    task = read_task(path)

    assert [e.answers for e in task.shots] == [("cat",)]
    assert [e.answers for e in task.asked] == [("dog",)]


@pytest.mark.parametrize(
    ("record", "question", "answers"),
    [
        ({"question": "who?", "answers": ["a", "b"]}, "who?", ("a", "b")),
        ({"question": "who?", "direct_answers": ["a"] * 10, "answer": "a"}, "who?", ("a",) * 10),
        ({"question": "who?", "answer_scores": {"a": 1, "b": 0.667}}, "who?", ("a",) * 3 + ("b",) * 2 + ("",) * 5),
        ({"sentence": "It is red.", "label": "true"}, "True or false: It is red.", ("true",)),
        ({"question": "is  <image>\nred?", "answer": "no"}, "is image red?", ("no",)),
    ],
)
def test_forms_of_questions(tmp_path: Path, record: dict[str, object], question: str, answers: tuple[str, ...]) -> None:
    (example,) = read_task(written(tmp_path, "a.jsonl", {"image": "0.png", **record})).asked

    assert (example.question, example.answers) == (question, answers)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"question": "who?", "answer": "a"}, "KeyError: 'image'"),
        ({"image": "0.png", "captions": []}, "neither captions nor answers"),
        ({"image": "0.png", "question": "who?", "answer": 3}, "3 is no text"),
        ([1], "AttributeError"),
    ],
)
def test_a_line_that_is_no_example_is_named(tmp_path: Path, record: object, why: str) -> None:
    path = written(tmp_path, "a.jsonl", {"image": "0.png", "captions": ["a"]}, record)

    with pytest.raises(TaskError, match=rf"a\.jsonl:2 is no example: .*{why}"):
        read_task(path)


def test_a_file_that_asks_nothing_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", {"image": "0.png", "captions": ["a"], "split": "train"})

    with pytest.raises(TaskError, match="asks nothing"):
        read_task(path)


def test_captions_and_questions_do_not_mix(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.jsonl", {"image": "0.png", "captions": ["a"]}, {"image": "0.png", "question": "b", "answer": "c"}
    )

    with pytest.raises(TaskError, match="mixes captions and questions"):
        read_task(path)
