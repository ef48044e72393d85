"""Pages that are no text but many parts: lists of products or articles, services told in sections, single products.

On such a page the cards are the content that beside an article would be teasers, and no block holds "the" text. So all
is kept that is not boilerplate by its tag, role, class or id, but for menus, which are lists of short links.
"""

import re
from collections import Counter, defaultdict

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import words
from pipelines.interleave.layout import Block, LayoutBuilder, Run
from pipelines.interleave.overruling import hand_down_reasons
from pipelines.interleave.paragraphs import is_paragraph, running_sums, text_lengths
from pipelines.interleave.phrases import LABEL
from pipelines.interleave.teasers import mark_captions

MIN_PARAGRAPHS = 3
"""Paragraphs that stand in one block, from which on a page is one text."""

MIN_GROUP = 0.6
"""Share of the texts of a page that fewer of them must hold."""

MIN_TEXT = 150
"""Characters of a text worth keeping alone where parts are twice as much."""

MIN_FURTHER = 9
MAX_TEXT_SHARE = 0.9
"""Parts are taken where they have as many runs more than the text, which is no more than this share of them."""

MIN_LINKED = 0.25
"""Share of a list of discussions that lies in links."""

MIN_MAIN = 0.6
"""Share of the texts of a page that the element must hold which says that it is the main one."""

MIN_MENU_ITEMS = 3
MAX_MENU_ITEM = 20
"""Characters, on average, of the items of a menu."""

MAX_MENU_LINKED = 0.75
"""Share of a list that may lie in links where it is no menu."""

_LISTS = words("ul ol dl table")
_SECTIONS = words("main article section li")
"""Elements whose ``header`` heads them, not the page."""

_FRAME = frozenset(
    (
        Boilerplate.NAVIGATION,
        Boilerplate.HEADER,
        Boilerplate.FOOTER,
        Boilerplate.FORM,
        Boilerplate.HIDDEN,
        Boilerplate.DIALOG,
    )
)
"""What is there on every page of a site, and full of short links."""

_ARTICLE_TYPES = re.compile(r"schema\.org/(?:\w*Article|BlogPosting)\b")


def is_one_text(layout: LayoutBuilder, kept: list[int], given: list[Boilerplate | None]) -> bool:
    """Returns whether a page is one text: it says so by its schema.org type, or paragraph follows on paragraph.

    Args:
        layout: The page.
        kept: Numbers of the runs of what would be its text.
        given: The reason that each block gives by itself.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for number in kept:
        run = layout.runs[number]
        if is_paragraph(run):
            group = groups[_holder(run.block).index]
            group.append(len(run.text))
            if len(group) >= MIN_PARAGRAPHS:
                return True
    if _is_one_article(layout.blocks):
        return True
    longest = max(map(sum, groups.values()), default=0)
    return longest > MIN_GROUP * sum(_weights(layout, given))


def find_parts(layout: LayoutBuilder, *, is_discussion: bool) -> tuple[Block, list[int]]:
    """Returns the block that holds the parts and the numbers of the runs that are kept.

    Args:
        layout: The page, each block with the reason that it gives by itself; they are handed down.
        is_discussion: Comments may be what the page is made of.
    """
    runs = layout.runs
    for block in layout.blocks:
        if block.tag == "header" and block.reason is Boilerplate.HEADER and _heads_section(block):
            block.reason = None
    mark_captions(layout)
    sums = running_sums(_weights(layout, [block.reason for block in layout.blocks]))
    hand_down_reasons(layout, sums, is_discussion=is_discussion)
    top = _main(layout)
    kept = [n for n in range(top.start, top.end) if runs[n].reason is None and not LABEL.match(runs[n].text)]
    return top, _without_menus(runs, kept)


def hold_more(runs: list[Run], parts: list[int], text: list[int], *, is_discussion: bool) -> bool:
    """Returns whether the parts of a page, by the numbers of their runs, are so much more that the text is but one.

    Of a discussion the text is what is said, however it is parted, unless the page is a list of links to discussions.
    """
    n_text = sum(len(runs[number].text) for number in text)
    n_parts = sum(len(runs[number].text) for number in parts)
    if 2 * n_text < n_parts and n_text < MIN_TEXT:
        return True
    if is_discussion and sum(runs[number].link_length for number in parts) < MIN_LINKED * n_parts:
        return False
    return len(parts) - len(text) >= MIN_FURTHER and n_text < MAX_TEXT_SHARE * n_parts


def list_around(block: Block) -> Block | None:
    """Returns the list or table that a block is an item or cell of."""
    node: Block | None = block
    for _ in range(4):
        if node is None or node.tag in _LISTS:
            return node
        node = node.parent
    return None


def _is_one_article(blocks: list[Block]) -> bool:
    return (
        sum("itemtype" in b.attributes and bool(_ARTICLE_TYPES.search(b.attributes["itemtype"] or "")) for b in blocks)
        == 1
    )


def _holder(block: Block) -> Block:
    """Returns the smallest block that holds more than the one paragraph of a block."""
    holder = block
    while holder.parent is not None and holder.end - holder.start == 1:
        holder = holder.parent
    return holder


def _weights(layout: LayoutBuilder, given: list[Boilerplate | None]) -> list[int]:
    """Returns what each run counts: its length, but in the frame of a site only if it is a paragraph."""
    in_frame: list[bool] = []
    for block, reason in zip(layout.blocks, given, strict=True):
        in_frame.append(reason in _FRAME or (block.parent is not None and in_frame[block.parent.index]))
    return [
        length if in_frame[run.block.index] else len(run.text)
        for run, length in zip(layout.runs, text_lengths(layout.runs), strict=True)
    ]


def _heads_section(header: Block) -> bool:
    node = header.parent
    while node is not None and node.tag not in _SECTIONS:
        node = node.parent
    return node is not None


def _main(layout: LayoutBuilder) -> Block:
    sums = running_sums([0 if run.reason else len(run.text) for run in layout.runs])
    for block in layout.blocks:
        is_main = block.tag == "main" or block.attributes.get("role") == "main"
        if is_main and sums[block.end] - sums[block.start] > MIN_MAIN * sums[-1]:
            return block
    return layout.root


def _without_menus(runs: list[Run], kept: list[int]) -> list[int]:
    """Leaves out the lists of short links that have fewer images than every second item."""
    groups = [list_around(runs[number].block) for number in kept]
    sizes: Counter[int] = Counter()
    lengths: Counter[int] = Counter()
    linked: Counter[int] = Counter()
    for number, group in zip(kept, groups, strict=True):
        if group is not None:
            sizes[group.index] += 1
            lengths[group.index] += len(runs[number].text)
            linked[group.index] += runs[number].link_length
    menus = {
        group.index
        for group in groups
        if group is not None
        and (n_items := sizes[group.index]) >= MIN_MENU_ITEMS
        and lengths[group.index] < MAX_MENU_ITEM * n_items
        and linked[group.index] > MAX_MENU_LINKED * lengths[group.index]
        and 2 * (group.images_end - group.images_start) < n_items
    }
    return [number for number, group in zip(kept, groups, strict=True) if group is None or group.index not in menus]
