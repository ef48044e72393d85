from dataclasses import fields, replace

import pytest

from pipelines.select.problems import Problem
from pipelines.select.text_rules import RULES, language_problem, text_problem
from schemas.recipe import NO_RULES, OBELICS_DOCUMENT, OBELICS_PARAGRAPH, TextRules
from schemas.rejections import RejectReason
from schemas.text_statistics import TextStatistics

GOOD = TextStatistics(
    n_words=100,
    character_repetition=0.05,
    word_repetition=0.05,
    special_characters=0.2,
    stop_words=0.4,
    flagged_words=0.0,
    punctuation=0.1,
    spam_words=0.0,
    common_words=0.95,
    perplexity=None,
)


def test_every_threshold_of_the_recipe_but_the_language_has_a_rule() -> None:
    thresholds = {field.name for field in fields(TextRules)} - {"min_language_score"}

    assert {rule.threshold for rule in RULES} == thresholds
    assert {rule.measure for rule in RULES} == {field.name for field in fields(TextStatistics)}


@pytest.mark.parametrize("rules", [OBELICS_PARAGRAPH, OBELICS_DOCUMENT, NO_RULES])
def test_a_good_text_breaks_none(rules: TextRules) -> None:
    assert text_problem(GOOD, rules) is None


@pytest.mark.parametrize(
    ("measure", "value", "reason", "threshold"),
    [
        ("n_words", 9, RejectReason.TOO_FEW_WORDS, 10),
        ("n_words", 2001, RejectReason.TOO_MANY_WORDS, 2000),
        ("character_repetition", 0.11, RejectReason.CHARACTER_REPETITION, 0.1),
        ("word_repetition", 0.21, RejectReason.WORD_REPETITION, 0.2),
        ("special_characters", 0.28, RejectReason.SPECIAL_CHARACTERS, 0.275),
        ("stop_words", 0.34, RejectReason.STOP_WORDS, 0.35),
        ("flagged_words", 0.02, RejectReason.FLAGGED_WORDS, 0.01),
        ("punctuation", 0.02, RejectReason.PUNCTUATION, 0.03),
        ("spam_words", 0.13, RejectReason.SPAM_WORDS, 0.12),
        ("common_words", 0.89, RejectReason.COMMON_WORDS, 0.9),
        ("perplexity", 1501.0, RejectReason.PERPLEXITY, 1500),
    ],
)
def test_a_document_past_a_threshold_of_obelics_is_left_out(
    measure: str, value: float, reason: RejectReason, threshold: float
) -> None:
    statistics = replace(GOOD, **{measure: value})  # type: ignore[arg-type]

    assert text_problem(statistics, OBELICS_DOCUMENT) == Problem(reason=reason, value=value, threshold=threshold)


def test_a_value_at_the_threshold_stays() -> None:
    at_all = replace(GOOD, n_words=10, stop_words=0.35, special_characters=0.275)

    assert text_problem(at_all, OBELICS_DOCUMENT) is None


def test_a_measure_that_the_text_does_not_allow_breaks_no_rule() -> None:
    assert text_problem(replace(GOOD, stop_words=None, punctuation=None), OBELICS_DOCUMENT) is None


@pytest.mark.parametrize(
    ("language", "score", "is_kept"),
    [("en", 0.9, True), ("de", 0.9, False), ("en", 0.79, False), (None, None, True), ("en", 0.8, True)],
)
def test_languages_stay_by_name_and_probability(language: str | None, score: float | None, is_kept: bool) -> None:
    assert (language_problem(language, score, ("en",), 0.8) is None) == is_kept


def test_without_languages_all_stay() -> None:
    assert language_problem("de", 0.1, (), None) is None
