"""Few-shot evaluation of a model: captions by CIDEr-D, answers by VQA accuracy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mm1_model.evaluation.answers import cut_answer, exact_match, vqa_accuracy
from mm1_model.evaluation.cider import DocumentFrequency, cider_d
from mm1_model.evaluation.intervals import Interval, bootstrap_mean
from mm1_model.evaluation.shots import ANSWER_STOPS, CAPTION_STOPS, Example, choose_shots, few_shot_prompt
from mm1_model.evaluation.tasks import Task
from mm1_model.generation.prompt import Prompt
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.service import TextGenerator

MM1_SHOTS = (0, 4, 8)
"""MM1, section 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model made of one example."""

    id: str
    image: str
    prompt: str
    generated: str
    answer: str
    """What was scored."""

    expected: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One task at one number of shots."""

    task: str
    shots: int
    metric: str
    """``cider_d`` (0 to 10; papers print 100 times it), ``vqa_accuracy`` or ``exact_match`` (0 to 1)."""

    score: Interval
    predictions: tuple[Prediction, ...]

    def to_record(self) -> dict[str, Any]:
        """Returns plain values without the predictions."""
        return {
            "task": self.task,
            "shots": self.shots,
            "metric": self.metric,
            "score": self.score.mean,
            "low": self.score.low,
            "high": self.score.high,
            "examples": self.score.count,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """How a model is asked. Always greedily (MM1, appendix)."""

    shots: tuple[int, ...] = MM1_SHOTS
    limit: int | None = None
    """Examples of each task, the first ones; CIDEr keeps the frequencies of the whole task."""

    batch_size: int = 16
    seed: int = 0
    """Of the choice of shots and of the intervals."""

    caption_tokens: int = 32
    answer_tokens: int = 10

    def __post_init__(self) -> None:
        for name in ("batch_size", "caption_tokens", "answer_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be positive, got {getattr(self, name)}")
        if not self.shots or min(self.shots) < 0:
            raise ValueError(f"shots: name numbers from 0 on, got {list(self.shots)}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit: must be positive, got {self.limit}")


def evaluate(
    checkpoint: Path,
    tasks: Sequence[Task],
    settings: EvaluationSettings | None = None,
    *,
    device: str | None = None,
    on_result: Callable[[TaskResult], None] | None = None,
) -> list[TaskResult]:
    """Evaluates a folder with weights, ``config.json`` and ``tokenizer.json`` on each task at each number of shots.

    Raises:
        ValueError: the folder is no model, a prompt is longer than its positions, or a task has too few shots.
        OSError: a picture cannot be read.
    """
    generator = TextGenerator.load(checkpoint, device=device)
    settings = settings or EvaluationSettings()
    results = []
    for task in tasks:
        for shots in settings.shots:
            results.append(evaluate_task(generator, task, shots, settings))
            if on_result is not None:
                on_result(results[-1])
    return results


def evaluate_task(generator: TextGenerator, task: Task, shots: int, settings: EvaluationSettings) -> TaskResult:
    """Evaluates one task at one number of shots; see ``evaluate``."""
    asked = task.asked[: settings.limit]
    prompts, generated = list[str](), list[str]()
    for batch in _batches(asked, settings.batch_size):
        built = [_prompt(generator, task, example, shots, settings.seed) for example in batch]
        prompts += [text for text, _ in built]
        generated += _generate(generator, task, shots, [p for _, p in built], _sampling(asked[0], settings))
    answers, metric, scores = _score(task, asked, generated)
    predictions = tuple(
        Prediction(
            id=example.id,
            image=example.image,
            prompt=prompt,
            generated=text,
            answer=answer,
            expected=example.answers,
            score=score,
        )
        for example, prompt, text, answer, score in zip(asked, prompts, generated, answers, scores, strict=True)
    )
    interval = bootstrap_mean(scores, seed=settings.seed)
    return TaskResult(task=task.name, shots=shots, metric=metric, score=interval, predictions=predictions)


def _prompt(generator: TextGenerator, task: Task, example: Example, shots: int, seed: int) -> tuple[str, Prompt]:
    chosen = choose_shots(task.shots, example, count=shots, seed=seed)
    text, images = few_shot_prompt(chosen, example)
    return text, generator.prompt(text, [Path(image).read_bytes() for image in images])


def _generate(
    generator: TextGenerator, task: Task, shots: int, prompts: Sequence[Prompt], sampling: SamplingSettings
) -> list[str]:
    try:
        return [generation.text for generation in generator.generate(prompts, sampling)]
    except ValueError as error:
        raise ValueError(f"{task.name} with {shots} shots: {error}; ask for fewer shots") from error


def _sampling(example: Example, settings: EvaluationSettings) -> SamplingSettings:
    if example.kind == "caption":
        return SamplingSettings(max_new_tokens=settings.caption_tokens, stop=CAPTION_STOPS)
    return SamplingSettings(max_new_tokens=settings.answer_tokens, stop=ANSWER_STOPS)


def _score(task: Task, asked: Sequence[Example], generated: Sequence[str]) -> tuple[list[str], str, list[float]]:
    if asked[0].kind == "caption":
        captions = [text.strip() for text in generated]
        frequency = DocumentFrequency.of(example.answers for example in task.asked)
        return captions, "cider_d", cider_d(captions, [example.answers for example in asked], frequency)
    answers = [cut_answer(text) for text in generated]
    pairs = list(zip(answers, (example.answers for example in asked), strict=True))
    if any(len(example.answers) > 1 for example in asked):
        return answers, "vqa_accuracy", [vqa_accuracy(answer, people) for answer, people in pairs]
    return answers, "exact_match", [exact_match(answer, people) for answer, people in pairs]


def _batches(examples: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), size):
        yield examples[start : start + size]
