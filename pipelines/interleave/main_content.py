"""Which runs and images of a page are what a reader came for."""

import re
from dataclasses import dataclass
from itertools import accumulate

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import HEADINGS, PREFORMATTED
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
    overruled = _overruled(layout, sums)
    for block in layout.blocks:
        inherited = block.parent.reason if block.parent is not None else None
        if inherited is not None:
            block.reason = inherited
        elif block.reason is not None:
            limit = MAX_PRUNED.get(block.reason, MAX_BY_TAG if block.tag in _TAGS else MAX_PRUNED_SHARE)
            if block.reason in overruled or sums[block.end] - sums[block.start] > limit * total:
                block.reason = None
    for run in layout.runs:
        run.reason = run.block.reason


def _overruled(layout: LayoutBuilder, sums: list[int]) -> set[Boilerplate]:
    """Returns the reasons that taken together would cost nearly all of the page: a forum made of comments, say."""
    pruned: dict[Boilerplate, int] = {}
    reached = 0
    for block in layout.blocks:
        if block.reason is not None and block.start >= reached and block.end > block.start:
            pruned[block.reason] = pruned.get(block.reason, 0) + sums[block.end] - sums[block.start]
            reached = block.end
    return {r for r, n in pruned.items() if r is not Boilerplate.HIDDEN and n > MAX_TOGETHER * sums[-1]}


MAX_TOGETHER = 0.85
MAX_BY_TAG = 0.75
_TAGS = frozenset(("aside", "nav", "footer"))
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


def _mark_cards(layout: LayoutBuilder, sums: list[int]) -> None:
    runs = layout.runs
    texts = [0, *accumulate(len(run.text) for run in runs)]
    groups: dict[tuple[str, str], list[Block]] = {}
    for block in layout.blocks:
        start, end = block.start, block.end
        if 0 < end - start <= MAX_CARD_RUNS:
            names = block.attributes.get("class")
            if (
                names
                and (end - start > 1 or block.images_end > block.images_start)
                and texts[end] - texts[start] <= MAX_CARD_TEXT
                and any(
                    _is_title_link(run) and (run.block.tag in HEADINGS or number == 0)
                    for number, run in enumerate(runs[start:end])
                )
            ):
                groups.setdefault((block.tag, names), []).append(block)
    cards = [block for blocks in groups.values() if len(blocks) >= MIN_CARDS for block in blocks]
    mass = 0
    last = 0
    for block in sorted(cards, key=lambda block: block.start):
        if block.end > last:
            mass += sums[block.end] - sums[max(block.start, last)]
            last = block.end
    if mass > 0.9 * sums[-1]:
        return
    for block in cards:
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
    _mark_cards(layout, [0, *accumulate(lengths)])
    _mark_captions(layout)
    resolve_reasons(layout, lengths)
    sums = [0, *accumulate(0 if run.reason else n for run, n in zip(runs, lengths, strict=True))]
    _mark_related(layout, sums)
    sums = [0, *accumulate(0 if run.reason else n for run, n in zip(runs, lengths, strict=True))]
    top = _descend(layout, sums)
    kept = [number for number in range(top.start, top.end) if runs[number].reason is None]
    kept = _without_links(runs, kept)
    kept = _trim(runs, kept, (title or "").lower())
    images = [
        number
        for number in range(top.images_start, top.images_end)
        if _image_reason(layout.images[number].block) is None
    ]
    return MainContent(kept, images)


def _without_links(runs: list[Run], kept: list[int]) -> list[int]:
    """Leaves out what is nothing but links: of lists and tables as a whole, of headings that head no text."""
    groups: dict[int, list[int]] = {}
    group_of = [_group(runs[number].block) for number in kept]
    for number, group in zip(kept, group_of, strict=True):
        if group is not None:
            totals = groups.setdefault(group.index, [0, 0])
            totals[0] += runs[number].link_length
            totals[1] += len(runs[number].text)
    left: list[int] = []
    following: Run | None = None
    for number, group in zip(reversed(kept), reversed(group_of), strict=True):
        run = runs[number]
        n = len(run.text)
        if group is not None:
            linked, length = groups[group.index]
            is_out = linked > 0.75 * length
        elif run.block.tag in HEADINGS:
            is_out = run.link_length > 0.5 * n and (following is None or not _is_solid(following))
        else:
            is_out = run.link_length > 0.5 * n
        if not is_out:
            left.append(number)
        following = run if not is_out else None
    left.reverse()
    return left


_GROUPS = frozenset(("ul", "ol", "dl", "table"))


def _group(block: Block) -> Block | None:
    """Returns the list or table that a run is an item or cell of."""
    node: Block | None = block
    for _ in range(4):
        if node is None:
            return None
        if node.tag in _GROUPS:
            return node
        node = node.parent
    return None


_TEXT_TAGS = frozenset(("p", "li", "blockquote", "dd", *PREFORMATTED))


def _is_solid(run: Run) -> bool:
    n = len(run.text)
    if run.block.tag in HEADINGS:
        return n >= 100
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
        inside = children.get(node.index, [])
        best = max(inside, key=lambda b: sums[b.end] - sums[b.start], default=None)
        if mass == 0 or best is None or best.tag == "p" or sums[best.end] - sums[best.start] < SHARE * mass:
            return node
        if any(_is_part(block, best, sums) for block in inside if block is not best and block.reason is None):
            return node
        node = best


_GENERIC_NAMES = re.compile(
    r"(?:row|col|container|wrap|wrapper|section|clear|clearfix|block|grid|span|inner|outer|box|module|layout|content|group|item)(?:$|[-_\d])"
)


def _is_part(block: Block, best: Block, sums: list[int]) -> bool:
    """Returns whether a sibling of the block with most text belongs to the same text."""
    has_text = sums[block.end] > sums[block.start]
    if block.tag in _TEXT_TAGS:
        return has_text
    names = (block.attributes.get("class") or "").split()
    if block.tag != best.tag or not names or _GENERIC_NAMES.match(names[0]):
        return False
    others = (best.attributes.get("class") or "").split()
    return names[0] in others if has_text else names == others
