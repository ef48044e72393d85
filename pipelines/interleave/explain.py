"""What became of every text of a page, and why: for ``mm1 explain`` and for looking into the rules."""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.interleave.document import ENGINES, Parser
from pipelines.interleave.encoding import decode_page
from pipelines.interleave.layout import Block, LayoutBuilder, Run
from pipelines.interleave.limits import check_bytes
from pipelines.interleave.main_content import find_main_content

MAX_PATH = 4
"""Blocks that a place is told by, from the innermost outwards."""


class Fate(StrEnum):
    """What became of a text, besides the reasons of ``Boilerplate``."""

    KEPT = "kept"
    OUTSIDE = "outside"
    """It stands outside the block that holds the text."""

    LINKS = "links"
    """It is nothing but links, or a title, a byline or a label at the ends of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedText:
    """One text of a page, in reading order."""

    text: str
    fate: str
    """A value of ``Fate`` or of ``Boilerplate``."""

    path: str
    """The blocks around it, for example ``"p < div.entry < article#post-1"``."""


def explain_page(
    body: bytes, content_type: str | None, parser: Parser = "lexbor", url: str = ""
) -> list[ExplainedText]:
    """Returns every text of a page, which stood at ``url``, with what became of it.

    Raises:
        PageLimitError: The page is over a limit.
    """
    check_bytes(body)
    layout = LayoutBuilder(is_thorough=True)
    head = ENGINES[parser](decode_page(body, content_type), layout)
    content = find_main_content(layout, head.title, url)
    kept = set(content.runs)
    first, last = (content.runs[0], content.runs[-1]) if content.runs else (0, -1)
    return [
        ExplainedText(
            text=run.text,
            fate=_fate(run, is_kept=number in kept, is_inside=first <= number <= last),
            path=_path(run.block),
        )
        for number, run in enumerate(layout.runs)
    ]


def _fate(run: Run, *, is_kept: bool, is_inside: bool) -> str:
    if is_kept:
        return Fate.KEPT.value
    if run.reason is not None:
        return run.reason.value
    return (Fate.LINKS if is_inside else Fate.OUTSIDE).value


def _path(block: Block) -> str:
    names: list[str] = []
    node: Block | None = block
    while node is not None and len(names) < MAX_PATH:
        identifier, classes = node.attributes.get("id"), (node.attributes.get("class") or "").split()
        names.append(node.tag + (f"#{identifier}" if identifier else "") + "".join(f".{name}" for name in classes[:2]))
        node = node.parent
    return " < ".join(names)
