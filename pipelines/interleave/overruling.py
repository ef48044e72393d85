"""Names lie: a class that would cost most of a page does not say what the page is made of."""

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.elements import words
from pipelines.interleave.layout import LayoutBuilder

MAX_BY_NAME = 0.5
"""Share of a page's paragraphs that one block may cost by its class or id."""

MAX_BY_TAG = 0.75
"""The same by its tag, which authors choose with more care."""

MAX_BY_REASON = {Boilerplate.COMMENTS: 0.85, Boilerplate.DIALOG: 0.9, Boilerplate.RELATED: 0.7}
"""The same for parts that are often longer than the text itself."""

MAX_TOGETHER = 0.85
"""Share that all blocks of one reason may cost together: a forum is made of comments."""

MAX_COMMENTS = 0.5
"""Share that comments may have in what is left of a discussion without other boilerplate: more are the discussion."""

_TELLING = words("aside nav footer")


def hand_down_reasons(layout: LayoutBuilder, sums: list[int], *, is_discussion: bool = False) -> None:
    """Drops the reasons that would cost most of the page, and hands the others down to blocks and runs.

    Args:
        layout: The page; each block has the reason that it gives by itself.
        sums: Running sums of the lengths of paragraphs.
        is_discussion: Comments may be what the page is made of.
    """
    overruled = _overruled_together(layout, sums, is_discussion=is_discussion)
    total = sums[-1]
    for block in layout.blocks:
        inherited = block.parent.reason if block.parent is not None else None
        if inherited is not None:
            block.reason = inherited
        elif block.reason is not None:
            limit = MAX_BY_REASON.get(block.reason, MAX_BY_TAG if block.tag in _TELLING else MAX_BY_NAME)
            if block.reason in overruled or sums[block.end] - sums[block.start] > limit * total:
                block.reason = None
    for run in layout.runs:
        run.reason = run.block.reason


def _overruled_together(layout: LayoutBuilder, sums: list[int], *, is_discussion: bool) -> set[Boilerplate]:
    cost: dict[Boilerplate, int] = {}
    reached = 0
    for block in layout.blocks:
        if block.reason is not None and block.end > block.start >= reached:
            cost[block.reason] = cost.get(block.reason, 0) + sums[block.end] - sums[block.start]
            reached = block.end
    overruled: set[Boilerplate] = {
        reason for reason, n in cost.items() if reason is not Boilerplate.HIDDEN and n > MAX_TOGETHER * sums[-1]
    }
    comments = cost.get(Boilerplate.COMMENTS, 0)
    if is_discussion and comments > MAX_COMMENTS * (sums[-1] - sum(cost.values()) + comments):
        overruled.add(Boilerplate.COMMENTS)
    return overruled
