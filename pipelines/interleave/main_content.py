"""Which runs and images of a page are what a reader came for."""

from dataclasses import dataclass
from itertools import accumulate

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import HEADINGS
from pipelines.interleave.layout import Block, LayoutBuilder, Run

MIN_GOOD = 80
MAX_LINK_DENSITY = 0.4
SHARE = 0.75
MAX_PRUNED_SHARE = 0.4


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
    return n


def resolve_reasons(layout: LayoutBuilder, lengths: list[int]) -> None:
    """Hands reasons down the tree, and drops those that would cost most of the page."""
    sums = [0, *accumulate(lengths)]
    limit = MAX_PRUNED_SHARE * sums[-1]
    for block in layout.blocks:
        inherited = block.parent.reason if block.parent is not None else None
        if inherited is not None:
            block.reason = inherited
        elif block.reason is not None and sums[block.end] - sums[block.start] > limit:
            block.reason = None
    for run in layout.runs:
        run.reason = run.block.reason


def find_main_content(layout: LayoutBuilder) -> MainContent:
    """Returns the runs and images of the main content."""
    runs = layout.runs
    lengths = [good_length(run) for run in runs]
    resolve_reasons(layout, lengths)
    sums = [0, *accumulate(0 if run.reason else n for run, n in zip(runs, lengths, strict=True))]
    top = _descend(layout, sums)
    kept = [
        number
        for number in range(top.start, top.end)
        if runs[number].reason is None and runs[number].link_length <= 0.5 * len(runs[number].text)
    ]
    images = [
        number
        for number in range(top.images_start, top.images_end)
        if _image_reason(layout.images[number].block) is None
    ]
    return MainContent(kept, images)


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
