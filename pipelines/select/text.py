"""Which paragraphs of a text stay, and whether what is left is a text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipelines.interleave.text_statistics import describe
from pipelines.select.problems import Problem
from pipelines.select.samples import PARAGRAPH_SEPARATOR, text_sample
from pipelines.select.text_rules import language_problem, text_problem
from schemas.recipe import TextRules, TextSettings
from schemas.rejections import Rejection, RejectReason
from schemas.samples import PoolSample
from schemas.text_statistics import TextStatistics
from schemas.texts import TextRow

OtherProblem = Callable[[str], Problem | None]
"""Why a paragraph is left out, whatever its statistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredText:
    """A text without the paragraphs that broke a rule."""

    text: str
    """Empty where none is left."""

    n_paragraphs: int
    problems: tuple[tuple[int, Problem], ...]
    """By number of the paragraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSelection:
    """What became of a text given as input."""

    outcome: PoolSample | Rejection
    n_paragraphs: int
    rejected_paragraphs: tuple[Rejection, ...]


def nothing_else(paragraph: str) -> Problem | None:
    """Returns None: only statistics are asked."""
    return None


def filter_paragraphs(
    text: str, statistics: Sequence[TextStatistics], rules: TextRules, other: OtherProblem = nothing_else
) -> FilteredText:
    """Returns a text without the paragraphs that repeat or break a rule.

    Args:
        text: Paragraphs are apart by an empty line.
        statistics: Of each paragraph.
        rules: Thresholds on one paragraph.
        other: Asked first.
    """
    paragraphs = text.split(PARAGRAPH_SEPARATOR)
    kept, problems = [], []
    for number, (paragraph, measured) in enumerate(zip(paragraphs, statistics, strict=True)):
        problem = other(paragraph) or text_problem(measured, rules)
        if problem is None:
            kept.append(paragraph)
        else:
            problems.append((number, problem))
    joined = PARAGRAPH_SEPARATOR.join(kept).strip()
    return FilteredText(text=joined, n_paragraphs=len(paragraphs), problems=tuple(problems))


def whole_text_problem(
    text: str, statistics: TextStatistics | None, language: str | None, rules: TextRules
) -> Problem | None:
    """Returns why the text that is left of a source is no text to train on, None where it is.

    Args:
        text: What is left.
        statistics: Of ``text``, where they are known: of a source that lost no paragraph they are stored.
        language: ISO 639-1 code.
        rules: Thresholds on a whole text.
    """
    if not text:
        return Problem(reason=RejectReason.NO_TEXT_LEFT, detail="no paragraph is left")
    return text_problem(statistics or describe(text, language)[0], rules)


def select_text(row: TextRow, settings: TextSettings) -> TextSelection:
    """Returns what becomes of a text given as input: a text sample, or why not.

    The rules are those of documents but for the largest number of words: it tells crawled junk from pages, while books
    and articles of a text corpus are long by nature, and long texts are cut into rows later.
    """
    paragraph_rules = replace(settings.paragraph_rules(), max_words=None)
    document_rules = replace(settings.document_rules(), max_words=None)
    wrong = language_problem(row.language, row.language_score, settings.languages, document_rules.min_language_score)
    if wrong is not None:
        return TextSelection(outcome=wrong.rejection("text", row.text_id), n_paragraphs=0, rejected_paragraphs=())
    filtered = filter_paragraphs(row.text, row.paragraphs, paragraph_rules)
    statistics = None if filtered.problems else row.statistics
    problem = whole_text_problem(filtered.text, statistics, row.language, document_rules)
    return TextSelection(
        outcome=problem.rejection("text", row.text_id) if problem else text_sample(row, filtered.text),
        n_paragraphs=filtered.n_paragraphs,
        rejected_paragraphs=tuple(
            problem.rejection("paragraph", f"{row.text_id}:0:{number}", row.text_id)
            for number, problem in filtered.problems
        ),
    )
