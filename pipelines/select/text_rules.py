"""Thresholds on the statistics of a text (OBELICS, arXiv 2306.16527, table 3)."""

from dataclasses import dataclass

from pipelines.select.problems import Problem
from schemas.recipe import TextRules
from schemas.rejections import RejectReason
from schemas.text_statistics import TextStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """One threshold of the recipe and what it is held against."""

    threshold: str
    """Field of ``TextRules``; its first word says whether the value must not be below or above."""

    measure: str
    """Field of ``TextStatistics``."""

    reason: RejectReason


RULES = tuple(
    TextRule(threshold=threshold, measure=measure, reason=reason)
    for threshold, measure, reason in (
        ("min_words", "n_words", RejectReason.TOO_FEW_WORDS),
        ("max_words", "n_words", RejectReason.TOO_MANY_WORDS),
        ("max_character_repetition", "character_repetition", RejectReason.CHARACTER_REPETITION),
        ("max_word_repetition", "word_repetition", RejectReason.WORD_REPETITION),
        ("max_special_characters", "special_characters", RejectReason.SPECIAL_CHARACTERS),
        ("min_stop_words", "stop_words", RejectReason.STOP_WORDS),
        ("max_flagged_words", "flagged_words", RejectReason.FLAGGED_WORDS),
        ("min_punctuation", "punctuation", RejectReason.PUNCTUATION),
        ("max_spam_words", "spam_words", RejectReason.SPAM_WORDS),
        ("min_common_words", "common_words", RejectReason.COMMON_WORDS),
        ("max_perplexity", "perplexity", RejectReason.PERPLEXITY),
    )
)
"""In the order in which they are applied: a text is left out for the first that it breaks."""


def text_problem(statistics: TextStatistics, rules: TextRules) -> Problem | None:
    """Returns the first rule that a text breaks; a measure that it does not allow breaks none."""
    for rule in RULES:
        threshold, value = getattr(rules, rule.threshold), getattr(statistics, rule.measure)
        if threshold is None or value is None:
            continue
        if value < threshold if rule.threshold.startswith("min") else value > threshold:
            return Problem(reason=rule.reason, value=float(value), threshold=float(threshold))
    return None


def language_problem(
    language: str | None, score: float | None, languages: tuple[str, ...], min_score: float | None
) -> Problem | None:
    """Returns why a text of a language is left out: another language than asked for, or not surely that one.

    A text too short to have a language is left to the other rules.
    """
    if languages and language is not None and language not in languages:
        return Problem(reason=RejectReason.WRONG_LANGUAGE, detail=f"{language}, not one of {', '.join(languages)}")
    if min_score is not None and score is not None and score < min_score:
        return Problem(
            reason=RejectReason.WRONG_LANGUAGE, value=score, threshold=min_score, detail=f"{language}, but not surely"
        )
    return None
