"""Which runs and images of a page are what a reader came for.

1. What is no content by its tag, role, class or id (``boilerplate``), by its form (``teasers``) or because it is not
   displayed gets a reason; reasons that would cost most of the page are dropped (``overruling``).
2. From the body down, the block is entered that holds nearly all paragraphs, until the text spreads over several.
3. In it, lists and tables of links go, and what stands before the first and after the last line that reads like text.
4. Where that is no text, or next to nothing of what the page shows, the page is its parts (``parts``).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.discussions import is_discussion
from pipelines.interleave.elements import HEADINGS
from pipelines.interleave.layout import Block, LayoutBuilder, Run
from pipelines.interleave.overruling import hand_down_reasons
from pipelines.interleave.paragraphs import MIN_PAGE, TEXT_TAGS, is_solid, running_sums, text_lengths
from pipelines.interleave.parts import find_parts, hold_more, is_one_text, list_around
from pipelines.interleave.phrases import BYLINE, PROMOTION
from pipelines.interleave.teasers import mark_captions, mark_related, mark_teasers

MIN_SHARE = 0.8
"""Share of a block's paragraphs that one block in it must hold to be entered."""

MAX_LINKED_LINE = 0.5
"""Share of a line that may lie in links."""

MAX_LINKED_GROUP = 0.75
"""Share of a list or table that may lie in links."""

MIN_GALLERY = 5
"""Images beside the block with most text that are the content of a page which has next to no text."""

MIN_POSTS = 3
"""Texts in blocks of one class, from which on a short one in such a block is one of them and no label."""

MAX_BYLINE = 150
MAX_PROMOTION = 250

_GENERIC_NAME = re.compile(
    r"(?:row|col|container|wrap|wrapper|section|clear|clearfix|block|grid|span|inner|outer|box|module|layout|content|group"
    r"|item)(?:$|[-_\d])"
)


@dataclass(frozen=True, slots=True)
class MainContent:
    """What is kept: numbers of runs and of images, in reading order."""

    runs: list[int]
    images: list[int]


def find_main_content(layout: LayoutBuilder, title: str | None = None, url: str = "") -> MainContent:
    """Returns the runs and images of the main content; blocks and runs of the layout get their reasons.

    Args:
        layout: The page.
        title: Of the page; where its text begins with it, it is left out, since documents carry it apart.
        url: Of the page; tells discussions.
    """
    may_discuss = is_discussion(url, layout.blocks)
    given = [block.reason for block in layout.blocks]
    top, kept = _find_text(layout, (title or "").lower(), is_discussion=may_discuss)
    if not is_one_text(layout, kept, given):
        of_blocks, of_runs = [block.reason for block in layout.blocks], [run.reason for run in layout.runs]
        _set_reasons(layout.blocks, given)
        parts_top, parts = find_parts(layout, is_discussion=may_discuss)
        if hold_more(layout.runs, parts, kept, is_discussion=may_discuss):
            top, kept = parts_top, parts
        else:
            _set_reasons(layout.blocks, of_blocks)
            _set_reasons(layout.runs, of_runs)
    images = [
        number
        for number in range(top.images_start, top.images_end)
        if _image_reason(layout.images[number].block) is None
    ]
    return MainContent(kept, images)


def _set_reasons(parts: Sequence[Block | Run], reasons: list[Boilerplate | None]) -> None:
    for part, reason in zip(parts, reasons, strict=True):
        part.reason = reason


def _find_text(layout: LayoutBuilder, title: str, *, is_discussion: bool) -> tuple[Block, list[int]]:
    """Returns the block that holds the text of a page and the numbers of the runs that are kept."""
    runs = layout.runs
    lengths = text_lengths(runs)
    sums = running_sums(lengths)
    mark_teasers(layout, sums)
    mark_captions(layout)
    hand_down_reasons(layout, sums, is_discussion=is_discussion)
    mark_related(layout, _sums_of_content(runs, lengths))
    top = _enter(layout, _sums_of_content(runs, lengths))
    kept = [number for number in range(top.start, top.end) if runs[number].reason is None]
    return top, _trim(runs, _without_links(runs, kept), title)


def _sums_of_content(runs: list[Run], lengths: list[int]) -> list[int]:
    return running_sums([0 if run.reason else n for run, n in zip(runs, lengths, strict=True)])


def _enter(layout: LayoutBuilder, sums: list[int]) -> Block:
    """Returns the smallest block that holds the text as a whole."""
    children: dict[int, list[Block]] = {}
    for block in layout.blocks[1:]:
        if block.end > block.start and block.parent is not None:
            children.setdefault(block.parent.index, []).append(block)
    node = layout.root
    while True:
        mass = sums[node.end] - sums[node.start]
        inside = children.get(node.index, [])
        best = max(inside, key=lambda block: sums[block.end] - sums[block.start], default=None)
        if mass == 0 or best is None or best.tag == "p" or sums[best.end] - sums[best.start] < MIN_SHARE * mass:
            return node
        if any(_is_part(block, best, sums) for block in inside if block is not best and block.reason is None):
            return node
        if mass < MIN_PAGE and _n_images(layout, node) - _n_images(layout, best) >= MIN_GALLERY:
            return node
        node = best


def _n_images(layout: LayoutBuilder, block: Block) -> int:
    images = layout.images[block.images_start : block.images_end]
    return sum(_image_reason(image.block) is None for image in images)


def _is_part(block: Block, best: Block, sums: list[int]) -> bool:
    """Returns whether a sibling of the block with most text belongs to the same text: a paragraph, the next post."""
    has_paragraph = sums[block.end] > sums[block.start]
    if block.tag in TEXT_TAGS:
        return has_paragraph
    names = (block.attributes.get("class") or "").split()
    if block.tag != best.tag or not names or _GENERIC_NAME.match(names[0]):
        return False
    others = (best.attributes.get("class") or "").split()
    return names[0] in others if has_paragraph else names == others


def _without_links(runs: list[Run], kept: list[int]) -> list[int]:
    """Leaves out what is nothing but links: of lists and tables as a whole, of headings that head no text."""
    groups = [list_around(runs[number].block) for number in kept]
    linked_groups = _linked_groups(runs, kept, groups)
    left: list[int] = []
    following: Run | None = None
    for number, group in zip(reversed(kept), reversed(groups), strict=True):
        run = runs[number]
        is_linked = run.link_length > MAX_LINKED_LINE * len(run.text)
        if group is not None:
            is_out = group.index in linked_groups
        elif run.block.tag in HEADINGS:
            is_out = is_linked and (following is None or not is_solid(following))
        else:
            is_out = is_linked
        if not is_out:
            left.append(number)
        following = None if is_out else run
    left.reverse()
    return left


def _linked_groups(runs: list[Run], kept: list[int], groups: list[Block | None]) -> set[int]:
    linked: dict[int, float] = {}
    for number, group in zip(kept, groups, strict=True):
        if group is not None:
            run = runs[number]
            excess = run.link_length - MAX_LINKED_GROUP * len(run.text)
            linked[group.index] = linked.get(group.index, 0.0) + excess
    return {index for index, excess in linked.items() if excess > 0}


def _trim(runs: list[Run], kept: list[int], title: str) -> list[int]:
    """Leaves out title, byline and date before the text, and labels and promotions after it."""
    start, end = 0, len(kept)
    places = _text_places(runs, kept)
    while start < end and _is_before_text(runs[kept[start]], title):
        start += 1
    while end > start and _is_after_text(runs[kept[end - 1]], places):
        end -= 1
    return kept[start:end] if start < end else kept


def _text_places(runs: list[Run], kept: list[int]) -> set[tuple[str, str]]:
    """Returns the places where text stands again and again, as the body of each post of a thread does."""
    counts = Counter(_place(runs[number].block) for number in kept if is_solid(runs[number]))
    return {place for place, count in counts.items() if place is not None and count >= MIN_POSTS}


def _place(block: Block) -> tuple[str, str] | None:
    """Returns tag and class of the nearest block that has a class."""
    node: Block | None = block
    for _ in range(3):
        if node is None:
            return None
        names = node.attributes.get("class")
        if names:
            return node.tag, names
        node = node.parent
    return None


def _is_before_text(run: Run, title: str) -> bool:
    if not is_solid(run):
        return True
    return len(run.text) < MAX_BYLINE and (BYLINE.match(run.text) is not None or run.text.lower() in title)


def _is_after_text(run: Run, places: set[tuple[str, str]]) -> bool:
    if len(run.text) < MAX_PROMOTION and PROMOTION.search(run.text) is not None:
        return True
    return not is_solid(run) and _place(run.block) not in places


def _image_reason(block: Block) -> Boilerplate | None:
    """Returns why an image is not content; what hides text (a ``noscript``, a caption) does not hide an image."""
    node: Block | None = block
    while node is not None and node.tag in ("noscript", "figcaption"):
        node = node.parent
    return None if node is None or node.reason is Boilerplate.CAPTION else node.reason
