"""Which runs and images of a page are what a reader came for."""

import re
from dataclasses import dataclass
from itertools import accumulate

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import HEADINGS
from pipelines.interleave.layout import Block, LayoutBuilder, Run

MIN_GOOD = 80
MAX_LINK_DENSITY = 0.4
SHARE = 0.8
MAX_PRUNED_SHARE = 0.5
MAX_PRUNED = {Boilerplate.COMMENTS: 0.85, Boilerplate.DIALOG: 0.9, Boilerplate.RELATED: 0.7}
MIN_CARDS = 3
MAX_CARD_RUNS = 8
MAX_CARD_TEXT = 600
MIN_TITLE = 20


@dataclass(frozen=True, slots=True)
class MainContent:
    """What is kept: numbers of runs and of images, in reading order."""

    runs: list[int]
    images: list[int]


def good_length(run: Run) -> int:
    """Returns the length of a run that is a paragraph rather than a label or a link."""
    n = len(run.text)
    if n < MIN_GOOD or run.link_length > MAX_LINK_DENSITY * n or run.block.tag in HEADINGS:
        return 0
    if run.block.tag == "li":
        return n // 2
    return n


def resolve_reasons(layout: LayoutBuilder, lengths: list[int]) -> None:
    """Hands reasons down the tree, and drops those that would cost most of the page."""
    sums = [0, *accumulate(lengths)]
    total = sums[-1]
    for block in layout.blocks:
        inherited = block.parent.reason if block.parent is not None else None
        if inherited is not None:
            block.reason = inherited
        elif block.reason is not None:
            limit = MAX_PRUNED.get(block.reason, MAX_PRUNED_SHARE)
            if sums[block.end] - sums[block.start] > limit * total:
                block.reason = None
    for run in layout.runs:
        run.reason = run.block.reason


_SENTENCE = re.compile(r"[.!?…:。！？”\"')]\s*$")
_RELATED = re.compile(
    r"^\W*(?:related|recommended|more (?:from|on|in|like|stories|news|articles)|you (?:may|might|could) (?:also )?(?:like|enjoy|be)"
    r"|you (?:may|might) also|read (?:more|next|also|this next)|also (?:read|on|in|see)|see also|don't miss|up next|what to read next"
    r"|popular|most (?:read|popular|viewed|commented)|trending|latest (?:news|stories|articles|posts|from)|top stories|editors?['’]s? picks?"
    r"|(?:top rated |recent |leave a |post a |add a )?comments?$|leave a reply|tell us what you think|join the (?:conversation|discussion)"
    r"|share this|share (?:on|via)|follow us|about the author|newsletter|sign up|subscribe|advertisement"
    r"|leia (?:também|mais)|você pode gostar|veja também|relacionad|artigos relacionados|tags?$"
    r"|lire aussi|à lire|articles? (?:connexes|similaires|liés)|sur le même sujet|commentaires"
    r"|mehr (?:zum|zu|von|aus)|das könnte|auch interessant|ähnliche|weitere (?:artikel|themen|beiträge)|kommentare?$"
    r"|ti potrebbe|leggi anche|potrebbe(?:ro)? interessar|articoli correlati|te puede interesar|también te|artículos relacionados|noticias relacionadas|comentarios"
    r"|читайте также|похожие|смотрите также|комментарии)",
    re.IGNORECASE,
)


_JUNK = re.compile(
    r"\W*(?:advert(?:isement|s)?|ads?|sponsored(?: content)?|share|tweet|print|e-?mail|comments?|read more|continue reading(?: below)?"
    r"|story continues below(?: advertisement)?|click to (?:play|expand|enlarge)|loading\W*|publicidade|werbung|anzeige|реклама|publicité)\W*\Z",
    re.IGNORECASE,
)
_PROMOTION = re.compile(
    r"\b(?:sign up|subscribe|newsletters?|follow (?:us|me|him|her|them) (?:on|at)|on twitter|on facebook|click here (?:to|for)|all rights reserved"
    r"|contributed to this report|copyright|have a tip|download (?:the|our) app)\b|©",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"\W*(?:by|por|von|par|di|da|door|published|publicado|posted|updated|last (?:updated|modified)|date|written by|author|от|автор)\b",
    re.IGNORECASE,
)
_IMAGE_NAMES = re.compile(
    r"(?:^|[\s_-])(?:photo|image|img|picture|figure|wp-caption|thumb|thumbnail|media)(?:$|[\s_-])", re.IGNORECASE
)
_NO_CAPTION = frozenset(("td", "th", "pre", "blockquote", "h1", "h2", "h3", "li"))
MAX_CAPTION = 400


def _mark_cards(layout: LayoutBuilder) -> None:
    runs = layout.runs
    titles = [0, *accumulate(1 if _is_title_link(run) else 0 for run in runs)]
    texts = [0, *accumulate(len(run.text) for run in runs)]
    groups: dict[tuple[str, str], list[Block]] = {}
    for block in layout.blocks:
        start, end = block.start, block.end
        if 0 < end - start <= MAX_CARD_RUNS and 1 <= titles[end] - titles[start] <= 2:
            names = block.attributes.get("class")
            if names and texts[end] - texts[start] <= MAX_CARD_TEXT:
                groups.setdefault((block.tag, names), []).append(block)
    for blocks in groups.values():
        if len(blocks) >= MIN_CARDS:
            for block in blocks:
                if block.reason is None:
                    block.reason = Boilerplate.RELATED


def _is_title_link(run: Run) -> bool:
    n = len(run.text)
    return n >= MIN_TITLE and run.link_length >= 0.8 * n and run.link is not None and "#" not in run.link


def _mark_related(layout: LayoutBuilder, sums: list[int]) -> None:
    """Marks what follows a heading that announces other pages, to the end of the block it heads."""
    runs = layout.runs
    for number, run in enumerate(runs):
        if run.reason is not None or len(run.text) > 60:
            continue
        if _JUNK.match(run.text):
            run.reason = Boilerplate.RELATED
        if run.block.tag not in HEADINGS or sums[number] < 200 or not _RELATED.match(run.text):
            continue
        scope = run.block
        while scope.end == number + 1 and scope.parent is not None and scope.parent.tag != "body":
            scope = scope.parent
        if sums[scope.end] - sums[number] > 4 * sums[number]:
            continue
        for other in runs[number : scope.end]:
            if other.reason is None:
                other.reason = Boilerplate.RELATED


def _mark_captions(layout: LayoutBuilder) -> None:
    texts = [0, *accumulate(len(run.text) for run in layout.runs)]
    for block in layout.blocks:
        if (
            block.reason is None
            and block.images_end > block.images_start
            and 0 < texts[block.end] - texts[block.start] <= MAX_CAPTION
            and (block.tag == "figure" or _IMAGE_NAMES.search(block.attributes.get("class") or ""))
        ):
            if any(run.block.tag in _NO_CAPTION for run in layout.runs[block.start : block.end]):
                continue
            block.reason = Boilerplate.CAPTION


def find_main_content(layout: LayoutBuilder, title: str | None = None) -> MainContent:
    """Returns the runs and images of the main content."""
    runs = layout.runs
    lengths = [good_length(run) for run in runs]
    _mark_cards(layout)
    _mark_captions(layout)
    resolve_reasons(layout, lengths)
    sums = [0, *accumulate(0 if run.reason else n for run, n in zip(runs, lengths, strict=True))]
    _mark_related(layout, sums)
    sums = [0, *accumulate(0 if run.reason else n for run, n in zip(runs, lengths, strict=True))]
    top = _descend(layout, sums)
    kept = [
        number for number in range(top.start, top.end) if runs[number].reason is None and not _is_links(runs[number])
    ]
    kept = _trim(runs, kept, (title or "").lower())
    images = [
        number
        for number in range(top.images_start, top.images_end)
        if _image_reason(layout.images[number].block) is None
    ]
    return MainContent(kept, images)


def _is_links(run: Run) -> bool:
    n = len(run.text)
    return run.link_length > (0.75 if n >= MIN_GOOD and run.block.tag == "li" else 0.5) * n


_TEXT_TAGS = frozenset(("p", "li", "blockquote", "pre", "dd"))


def _is_solid(run: Run) -> bool:
    n = len(run.text)
    if run.block.tag in HEADINGS:
        return False
    if run.block.tag in _TEXT_TAGS:
        return n >= 25
    return n >= MIN_GOOD or (n >= 40 and bool(_SENTENCE.search(run.text)))


def _trim(runs: list[Run], kept: list[int], title: str) -> list[int]:
    start, end = 0, len(kept)
    while start < end and _is_leading(runs[kept[start]], title):
        start += 1
    while end > start and _is_trailing(runs[kept[end - 1]]):
        end -= 1
    if start >= end:
        return kept
    return kept[start:end]


def _is_leading(run: Run, title: str) -> bool:
    if not _is_solid(run):
        return True
    n = len(run.text)
    return n < 150 and (bool(_BYLINE.match(run.text)) or (n >= 10 and run.text.lower() in title))


def _is_trailing(run: Run) -> bool:
    return not _is_solid(run) or (len(run.text) < 250 and bool(_PROMOTION.search(run.text)))


def _image_reason(block: Block) -> Boilerplate | None:
    """Returns why an image is not content; what hides text (a ``noscript``, a caption) does not hide an image."""
    node: Block | None = block
    while node is not None and node.tag in ("noscript", "figcaption"):
        node = node.parent
    return None if node is None or node.reason is Boilerplate.CAPTION else node.reason


def _descend(layout: LayoutBuilder, sums: list[int]) -> Block:
    children: dict[int, list[Block]] = {}
    for block in layout.blocks[1:]:
        if block.end > block.start and block.parent is not None:
            children.setdefault(block.parent.index, []).append(block)
    node = layout.root
    while True:
        mass = sums[node.end] - sums[node.start]
        best = max(children.get(node.index, ()), key=lambda b: sums[b.end] - sums[b.start], default=None)
        if mass == 0 or best is None or best.tag == "p" or sums[best.end] - sums[best.start] < SHARE * mass:
            return node
        node = best
