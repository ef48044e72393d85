"""Parts of a page that its tags and names do not give away: teasers of other pages, captions, lists under a heading."""

import re

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import HEADINGS, words
from pipelines.interleave.layout import Block, LayoutBuilder, Run
from pipelines.interleave.paragraphs import running_sums
from pipelines.interleave.phrases import LABEL, RELATED_HEADING

MIN_CARDS = 3
"""Blocks of one class that look like teasers, from which on they are."""

MAX_CARD_RUNS = 8
MAX_CARD_TEXT = 600
MIN_TITLE = 20
"""Characters of a link that is another page's title."""

MAX_CARD_SHARE = 0.9
"""Of the paragraphs of a page: where teasers hold more, the page is a list of them and they are its content."""

MAX_CAPTION = 400
MIN_BEFORE = 200
"""Characters of paragraphs before a heading that ends the text."""

MAX_AFTER = 4
"""Times the paragraphs before it that may follow such a heading."""

MAX_LABEL = 60

_IMAGE_NAMES = re.compile(
    r"(?:^|[\s_-])(?:photo|image|img|picture|figure|wp-caption|thumb|thumbnail|media)(?:$|[\s_-])", re.IGNORECASE
)
_NO_CAPTION = words("td th pre blockquote h1 h2 h3 li")


def mark_teasers(layout: LayoutBuilder, sums: list[int]) -> None:
    """Marks blocks that are teasers of other pages: small, of a class that repeats, headed by a link.

    Args:
        layout: The page.
        sums: Running sums of the lengths of paragraphs.
    """
    texts = running_sums([len(run.text) for run in layout.runs])
    groups: dict[tuple[str, str], list[Block]] = {}
    for block in layout.blocks:
        names = block.attributes.get("class")
        if names and _is_card(block, layout.runs, texts):
            groups.setdefault((block.tag, names), []).append(block)
    cards = [block for blocks in groups.values() if len(blocks) >= MIN_CARDS for block in blocks]
    if _covered(cards, sums) > MAX_CARD_SHARE * sums[-1]:
        return
    for block in cards:
        block.reason = block.reason or Boilerplate.RELATED


def mark_captions(layout: LayoutBuilder) -> None:
    """Marks blocks that hold an image and little text, where tag or class says that they are there for the image."""
    texts = running_sums([len(run.text) for run in layout.runs])
    for block in layout.blocks:
        if (
            block.images_end > block.images_start
            and block.reason is None
            and 0 < texts[block.end] - texts[block.start] <= MAX_CAPTION
            and (block.tag == "figure" or _IMAGE_NAMES.search(block.attributes.get("class") or ""))
            and all(run.block.tag not in _NO_CAPTION for run in layout.runs[block.start : block.end])
        ):
            block.reason = Boilerplate.CAPTION


def mark_related(layout: LayoutBuilder, sums: list[int]) -> None:
    """Marks labels, and what follows a heading that announces other pages, to the end of the block it heads.

    Args:
        layout: The page, reasons handed down.
        sums: Running sums of the lengths of paragraphs that are content so far.
    """
    runs = layout.runs
    for number, run in enumerate(runs):
        if run.reason is not None or len(run.text) > MAX_LABEL:
            continue
        if LABEL.match(run.text):
            run.reason = Boilerplate.RELATED
        if run.block.tag in HEADINGS and sums[number] >= MIN_BEFORE and RELATED_HEADING.match(run.text):
            end = _headed_end(run, number)
            if sums[end] - sums[number] <= MAX_AFTER * sums[number]:
                for other in runs[number:end]:
                    other.reason = other.reason or Boilerplate.RELATED


def _headed_end(run: Run, number: int) -> int:
    """Returns the number of the run after the block that a heading heads: the smallest that holds more than it."""
    scope = run.block
    while scope.end == number + 1 and scope.parent is not None and scope.parent.tag != "body":
        scope = scope.parent
    return scope.end


def _is_card(block: Block, runs: list[Run], texts: list[int]) -> bool:
    n_runs = block.end - block.start
    if not 0 < n_runs <= MAX_CARD_RUNS or texts[block.end] - texts[block.start] > MAX_CARD_TEXT:
        return False
    if n_runs == 1 and block.images_end == block.images_start:
        return False
    return any(
        _is_title_link(run) and (number == 0 or run.block.tag in HEADINGS)
        for number, run in enumerate(runs[block.start : block.end])
    )


def _is_title_link(run: Run) -> bool:
    """Returns whether a run is a link to another page, long enough to be its title."""
    n = len(run.text)
    return n >= MIN_TITLE and run.link_length >= 0.8 * n and run.link is not None and "#" not in run.link


def _covered(blocks: list[Block], sums: list[int]) -> int:
    """Returns the length of the paragraphs in any of the blocks, which may lie in one another."""
    covered = reached = 0
    for block in sorted(blocks, key=lambda block: (block.start, -block.end)):
        if block.end > reached:
            covered += sums[block.end] - sums[max(block.start, reached)]
            reached = block.end
    return covered
