from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from mm1_model.evaluation.evaluate import EvaluationSettings, evaluate_task
from mm1_model.evaluation.shots import ANSWER_STOPS, CAPTION_STOPS, Example
from mm1_model.evaluation.tasks import Task
from mm1_model.generation.generate import Generation
from mm1_model.generation.prompt import Prompt
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.service import TextGenerator


@dataclass
class Recorded:
    """Stands where a prompt of tokens belongs."""

    text: str
    images: list[bytes]


class Parrot:
    """A generator that says what it was told to say of each picture, and remembers how it was asked."""

    def __init__(self, says: dict[bytes, str]) -> None:
        self._says = says
        self.sampling: list[SamplingSettings] = []
        self.batches: list[int] = []
        self.asked: list[Recorded] = []

    def prompt(self, text: str, images: Sequence[bytes]) -> Recorded:
        return Recorded(text, list(images))

    def generate(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> list[Generation]:
        recorded = cast("Sequence[Recorded]", prompts)
        self.sampling.append(settings)
        self.batches.append(len(recorded))
        self.asked += recorded
        return [Generation(tokens=(), text=self._says[prompt.images[-1]], finish="stop") for prompt in recorded]


def pictures(folder: Path, count: int) -> list[str]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(str(number).encode())
    return [str(path) for path in paths]


def questions(folder: Path) -> Task:
    images = pictures(folder, 6)
    examples = [
        Example(id=str(n), image=image, question="what?", answers=("red",) * 10) for n, image in enumerate(images)
    ]
    return Task(name="colours", asked=tuple(examples[:4]), shots=tuple(examples[4:]))


def test_answers_are_cut_scored_and_averaged(tmp_path: Path) -> None:
    parrot = Parrot({b"0": " Red.", b"1": " red Question: what", b"2": " blue", b"3": " a red"})

    result = evaluate_task(cast("TextGenerator", parrot), questions(tmp_path), 0, EvaluationSettings(batch_size=3))

    assert [p.answer for p in result.predictions] == ["Red.", "red", "blue", "a red"]
    assert [p.score for p in result.predictions] == [1.0, 1.0, 0.0, 1.0]
    assert result.to_record()["score"] == 0.75
    assert (result.metric, result.score.count, parrot.batches) == ("vqa_accuracy", 4, [3, 1])
    assert parrot.asked[0].text == "<image> Question: what? Short answer:"
    assert parrot.sampling[0] == SamplingSettings(max_new_tokens=10, stop=ANSWER_STOPS)


def test_shots_come_from_the_training_split_with_their_pictures(tmp_path: Path) -> None:
    parrot = Parrot({str(n).encode(): "red" for n in range(4)})

    evaluate_task(cast("TextGenerator", parrot), questions(tmp_path), 2, EvaluationSettings())

    first = parrot.asked[0]
    assert first.text.count("Short answer: red\n") == 2
    assert sorted(first.images[:2]) == [b"4", b"5"]
    assert first.images[2] == b"0"


def test_a_single_answer_is_matched_exactly(tmp_path: Path) -> None:
    (image,) = pictures(tmp_path, 1)
    task = Task(name="one", asked=(Example(id="0", image=image, question="how many?", answers=("2",)),), shots=())

    result = evaluate_task(cast("TextGenerator", Parrot({b"0": "Two"})), task, 0, EvaluationSettings())

    assert (result.metric, result.score.mean) == ("exact_match", 1.0)


def test_captions_keep_the_frequencies_of_the_whole_task(tmp_path: Path) -> None:
    images = pictures(tmp_path, 3)
    texts = ("a red cat", "a blue dog", "a green bird")
    asked = [Example(id=t, image=i, question=None, answers=(t,)) for t, i in zip(texts, images, strict=True)]
    task = Task(name="captions", asked=tuple(asked), shots=())
    parrot = Parrot({b"0": " a red cat"})

    result = evaluate_task(cast("TextGenerator", parrot), task, 0, EvaluationSettings(limit=1))

    # The reference itself: cosine 1 for n of 1 to 3; three words have no 4-gram.
    assert result.metric == "cider_d"
    assert result.score.mean == pytest.approx(7.5)
    assert parrot.asked[0].text == "<image> A photo of"
    assert parrot.sampling[0] == SamplingSettings(max_new_tokens=32, stop=CAPTION_STOPS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"shots": ()}, "shots: name numbers"), ({"limit": 0}, "limit: must be"), ({"batch_size": 0}, "batch_size: must")],
)
def test_settings_that_ask_nothing_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluationSettings(**changes)  # type: ignore[arg-type]
