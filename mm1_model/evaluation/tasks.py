"""Files of evaluation examples: JSON lines, one picture with captions or one question a line.

``{"image": path, "captions": [...]}`` or ``{"image": path, "question": ..., "answer": ... | "answers": [...] |
"direct_answers": [...] | "answer_scores": {answer: share}}``, with ``"id"`` and ``"split"`` if there are; or a
``"sentence"`` with the ``"label"`` true or false. Paths are relative to the file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mm1_model.evaluation.answers import ANSWERS_OF_PEOPLE
from mm1_model.evaluation.shots import IMAGE_MARK, Example

TRAIN_SPLIT = "train"


class TaskError(ValueError):
    """A file of examples cannot be used; the message names the file and the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is asked, and what may stand before it."""

    name: str
    asked: tuple[Example, ...]
    shots: tuple[Example, ...]
    """The training split: examples for the prompt."""


def read_task(path: Path, *, shots_from: Path | None = None) -> Task:
    """Reads a task.

    Lines of the split ``train`` are shots, all others are asked. Where the file has no splits, shots come from
    ``shots_from``, or from ``train.jsonl`` beside a ``test.jsonl``.

    Raises:
        TaskError: a line is no example, or nothing is asked.
        OSError: a file cannot be read.
    """
    beside = path.with_name("train.jsonl")
    if shots_from is None and path.name == "test.jsonl" and beside.is_file():
        shots_from = beside
    lines = _read_lines(path)
    asked = tuple(example for split, example in lines if split != TRAIN_SPLIT)
    shots = tuple(example for split, example in lines if split == TRAIN_SPLIT)
    if shots_from is not None:
        shots = tuple(example for _, example in _read_lines(shots_from))
    if not asked:
        raise TaskError(f"{path} asks nothing: it has no line outside the split {TRAIN_SPLIT!r}")
    if len({example.kind for example in (*asked, *shots)}) > 1:
        raise TaskError(f"{path} mixes captions and questions; put them into two files")
    return Task(name=f"{path.parent.name}/{path.stem}", asked=asked, shots=shots)


def _read_lines(path: Path) -> list[tuple[str | None, Example]]:
    read = []
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    record = json.loads(line)
                    read.append((record.get("split"), _example(record, path, number)))
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    raise TaskError(f"{path}:{number} is no example: {type(error).__name__}: {error}") from error
    return read


def _example(record: Mapping[str, Any], path: Path, number: int) -> Example:
    question, answers = _content(record)
    if not answers:
        raise ValueError("it has neither captions nor answers")
    return Example(
        id=str(record.get("id") or record.get("qid") or f"{path.stem}:{number}"),
        image=str(path.parent / str(record["image"])),
        question=None if question is None else _plain(question),
        answers=tuple(_plain(answer) for answer in answers),
    )


def _content(record: Mapping[str, Any]) -> tuple[str | None, Sequence[str]]:
    if "captions" in record:
        return None, record["captions"]
    if "sentence" in record:
        return f"True or false: {record['sentence']}", [record["label"]]
    for name in ("answers", "direct_answers"):
        if name in record:
            return record["question"], record[name]
    if "answer_scores" in record:
        return record["question"], _people(record["answer_scores"])
    return record["question"], [record["answer"]]


def _people(scores: Mapping[str, float]) -> list[str]:
    # A score is min(1, people / 3): as many people as it stands for, at most three.
    people = [answer for answer, score in scores.items() for _ in range(max(1, round(3 * score)))]
    return people + [""] * (ANSWERS_OF_PEOPLE - len(people))


def _plain(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    return " ".join(text.replace(IMAGE_MARK, "image").split())
