"""Which texts are good enough: language, and the rules on documents and paragraphs."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """Thresholds on text, each for a paragraph and for a document (OBELICS, arXiv 2306.16527, table 3).

    A minimum removes what is strictly below, a maximum what is strictly above; None switches a rule off.
    """

    __pydantic_config__: ClassVar = STRICT

    min_words: int | None = None
    max_words: int | None = None
    max_character_repetition: float | None = None
    max_word_repetition: float | None = None
    max_special_characters: float | None = None
    min_stop_words: float | None = None
    max_flagged_words: float | None = None
    min_punctuation: float | None = None
    max_spam_words: float | None = None
    min_common_words: float | None = None
    min_language_score: float | None = None
    max_perplexity: float | None = None


OBELICS_PARAGRAPH = TextRules(
    min_words=4,
    max_words=1_000,
    max_character_repetition=0.1,
    max_word_repetition=0.1,
    max_special_characters=0.3,
    min_stop_words=0.3,
    max_flagged_words=0.01,
    min_punctuation=0.001,
    max_spam_words=0.12,
    min_common_words=0.8,
    min_language_score=None,
    max_perplexity=None,
)
"""Paragraph thresholds of OBELICS; language and perplexity are off as in its released configuration."""


OBELICS_DOCUMENT = TextRules(
    min_words=10,
    max_words=2_000,
    max_character_repetition=0.1,
    max_word_repetition=0.2,
    max_special_characters=0.275,
    min_stop_words=0.35,
    max_flagged_words=0.01,
    min_punctuation=0.03,
    max_spam_words=0.12,
    min_common_words=0.9,
    min_language_score=0.8,
    max_perplexity=1_500,
)
"""Document thresholds of OBELICS."""


NO_RULES = TextRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRuleTable:
    """Own thresholds in place of a named set."""

    __pydantic_config__: ClassVar = STRICT

    paragraph: TextRules = NO_RULES
    document: TextRules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings:
    """Which text stays."""

    __pydantic_config__: ClassVar = STRICT

    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes that stay; empty: all."""

    rules: Literal["obelics", "none"] | TextRuleTable = "obelics"

    def paragraph_rules(self) -> TextRules:
        """Returns the thresholds for one paragraph."""
        if isinstance(self.rules, TextRuleTable):
            return self.rules.paragraph
        return OBELICS_PARAGRAPH if self.rules == "obelics" else NO_RULES

    def document_rules(self) -> TextRules:
        """Returns the thresholds for a whole document."""
        if isinstance(self.rules, TextRuleTable):
            return self.rules.document
        return OBELICS_DOCUMENT if self.rules == "obelics" else NO_RULES
