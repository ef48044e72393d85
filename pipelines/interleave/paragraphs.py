"""What tells a paragraph from a label, a link or a heading."""

from itertools import accumulate

from pipelines.interleave.elements import HEADINGS, PREFORMATTED, words
from pipelines.interleave.layout import Run
from pipelines.interleave.phrases import SENTENCE_END

MIN_PARAGRAPH = 80
"""Characters of a run that counts as a paragraph: two lines of a book, more than any label."""

MIN_PAGE = 400
"""Characters of paragraphs that a page must have to be weighed by paragraphs alone."""

MAX_LINKED = 0.4
"""Share of a paragraph that may lie in links."""

MIN_SENTENCE = 30
MIN_TEXT = 25
MIN_HEADING_TEXT = 100
"""Characters of a heading that is in truth a paragraph."""

TEXT_TAGS = words("p li blockquote dd") | PREFORMATTED
"""Elements whose author meant text by them."""


def text_lengths(runs: list[Run]) -> list[int]:
    """Returns what each run counts: paragraphs alone or, on a page that has next to none, every text that is no link.

    A page of captions, code and short lines would else be weighed by the one long line of its footer.
    """
    lengths = [_text_length(run, MIN_PARAGRAPH) for run in runs]
    return lengths if sum(lengths) >= MIN_PAGE else [_text_length(run, 0) for run in runs]


def _text_length(run: Run, shortest: int) -> int:
    """Returns the length of a run of at least ``shortest`` characters that is text, else 0; list items count half,
    since menus are lists too.
    """
    n = len(run.text)
    if n < shortest or run.link_length > MAX_LINKED * n or run.block.tag in HEADINGS:
        return 0
    return n // 2 if run.block.tag == "li" else n


def is_paragraph(run: Run) -> bool:
    """Returns whether a run is text of a paragraph's length."""
    return _text_length(run, MIN_PARAGRAPH) > 0


def running_sums(lengths: list[int]) -> list[int]:
    """Returns ``[0, a, a + b, ...]``: the sum over runs ``i`` to ``j`` is ``sums[j] - sums[i]``."""
    return [0, *accumulate(lengths)]


def is_solid(run: Run) -> bool:
    """Returns whether a run reads like text rather than like a label."""
    n = len(run.text)
    if run.block.tag in HEADINGS:
        return n >= MIN_HEADING_TEXT
    if run.block.tag in TEXT_TAGS:
        return n >= MIN_TEXT
    return n >= MIN_PARAGRAPH or (n >= MIN_SENTENCE and SENTENCE_END.search(run.text) is not None)
