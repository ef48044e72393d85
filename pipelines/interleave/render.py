"""Runs as text: paragraphs parted by an empty line, the items of a list and the rows of a table as lines.

Cells of a row are parted by tabs and rows by line breaks, as the HTML standard's ``innerText`` does
(https://html.spec.whatwg.org/#the-innertext-idl-attribute); a list item begins with ``"- "``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.interleave.layout import Block, Run

MAX_CELL = 200
"""Characters; a table with a longer cell is a layout of paragraphs, not data."""

_LISTS = frozenset(("ul", "ol", "dl", "menu", "dir"))
_ITEMS = frozenset(("li", "dt", "dd"))
_CELLS = frozenset(("td", "th"))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run stands: its nearest list item or cell, and what holds it."""

    group: Block | None
    """Outermost list, or table of data: its runs make one paragraph."""

    item: Block | None
    """List item, or row."""

    cell: Block | None


_NOWHERE = _Place(None, None, None)


def render(runs: Iterable[Run]) -> str:
    """Returns the text of consecutive runs."""
    paragraphs: list[str] = []
    lines: list[str] = []
    last = _NOWHERE
    for run, place in place_runs(list(runs)):
        if place.group is None or place.group is not last.group:
            _end_paragraph(paragraphs, lines)
        if place.group is None:
            paragraphs.append(run.text)
        elif place.cell is not None and place.item is last.item and lines:
            lines[-1] += ("\t" if place.cell is not last.cell else " ") + run.text.replace("\n", " ")
        elif place.cell is not None:
            lines.append(run.text.replace("\n", " "))
        else:
            is_new = place.item is not last.item and place.item is not None and place.item.tag == "li"
            lines.append(f"- {run.text}" if is_new else run.text)
        last = place
    _end_paragraph(paragraphs, lines)
    return "\n\n".join(paragraphs)


def place_runs(runs: list[Run]) -> list[tuple[Run, _Place]]:
    """Returns each run with its place; tables that are no data are as if they were not there."""
    places = [_place(run.block) for run in runs]
    layouts = {
        id(place.group)
        for run, place in zip(runs, places, strict=True)
        if place.cell is not None and (len(run.text) > MAX_CELL or run.block.tag not in _CELLS)
    }
    return [
        (run, _NOWHERE if place.cell is not None and id(place.group) in layouts else place)
        for run, place in zip(runs, places, strict=True)
    ]


def _end_paragraph(paragraphs: list[str], lines: list[str]) -> None:
    if lines:
        paragraphs.append("\n".join(lines))
        lines.clear()


def _place(block: Block) -> _Place:
    item: Block | None = None
    group: Block | None = None
    node: Block | None = block
    while node is not None:
        tag = node.tag
        if tag in _CELLS and item is None:
            return _cell_place(node)
        if tag in _ITEMS and item is None:
            item = node
        elif tag in _LISTS and item is not None:
            group = node
        elif tag in _CELLS:
            break
        node = node.parent
    return _Place(group, item, None) if group is not None else _NOWHERE


def _cell_place(cell: Block) -> _Place:
    row: Block | None = None
    node = cell.parent
    while node is not None:
        if node.tag == "tr" and row is None:
            row = node
        elif node.tag == "table":
            return _Place(node, row, cell)
        node = node.parent
    return _NOWHERE
