"""What is measured of a text, so that thresholds can be chosen later: the values of the rules of OBELICS."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStatistics:
    """The measures of OBELICS (arXiv 2306.16527, appendix A.1.4 and table 3) of one paragraph or one document.

    Ratios are in [0, 1]. None means that the text, or what is at hand to judge it, does not allow the measure: the rule
    is then not applied.
    """

    n_words: int
    """Runs of characters between white space."""

    character_repetition: float
    """Share of the most frequent 10-grams of characters among all of them."""

    word_repetition: float
    """Share of the 5-grams of words that occur more than once."""

    special_characters: float
    """Share of white space, digits, punctuation and symbols."""

    stop_words: float | None
    """Share of function words; None in a language that has no list."""

    flagged_words: float
    """Share of obscene words."""

    punctuation: float | None
    """Share of punctuation marks among words and marks; None for fewer than 12 words."""

    spam_words: float
    """Share of words such as names of social networks."""

    common_words: float
    """Share of words that are built like words (letters, a vowel, no letter thrice, at most 20 letters).

    OBELICS looks words up in a list made of ten million documents; this stands in for it without one.
    """

    perplexity: float | None
    """Under a language model; None where none is given."""
