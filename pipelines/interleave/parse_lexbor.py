"""The default engine: lexbor (https://lexbor.com), by selectolax."""

from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from pipelines.interleave.elements import BLOCKS, IMAGES, PREFORMATTED, SKIPPED, STYLING
from pipelines.interleave.encoding import DecodedPage
from pipelines.interleave.layout import BLOCK, MIN_PROSPECT, NOTHING, Attributes, LayoutBuilder
from pipelines.interleave.limits import MAX_DEPTH, check_depth
from pipelines.interleave.page_head import PageHead


def _number_names() -> dict[int, str]:
    """Returns the names of elements by the numbers that lexbor gives them in every page."""
    maker = LexborHTMLParser("")
    names = [name for name in SKIPPED | STYLING | BLOCKS | IMAGES if not name.startswith("-")]
    numbered = {maker.create_node(name).tag_id: name for name in names}
    return {number: name for number, name in numbered.items() if number <= _MAX_NUMBER}


_MAX_NUMBER = 0xFFFF
"""Numbers above it are addresses."""

_BODY: Any = LexborHTMLParser("<body>text<!-- -->").body
_TEXT, _COMMENT = (node.tag_id for node in _BODY.iter(include_text=True))
_NO_ELEMENT = 0
_NAMES = _number_names()
_SKIPPED = frozenset(number for number, name in _NAMES.items() if name in SKIPPED) | {_NO_ELEMENT, _COMMENT}
_BLOCKS = {number: name for number, name in _NAMES.items() if name in BLOCKS}
_STYLING = frozenset(number for number, name in _NAMES.items() if name in STYLING)
_NO_IMAGES = frozenset(number for number, name in _NAMES.items() if name not in IMAGES) | {_NO_ELEMENT, _COMMENT}
_NO_PROSPECT = _SKIPPED | {LexborHTMLParser("").create_node("a").tag_id}
_OPTIONS = int(LexborDocumentOptions.WO_EVENTS)
"""Without mutation events, whose cost grows with the square of the number of options of a ``select``."""


def lay_out_lexbor(page: DecodedPage, builder: LayoutBuilder) -> PageHead:
    """Parses a page, tells ``builder`` what is in its body, and returns what its head says."""
    parser = LexborHTMLParser(page.utf8, options=_OPTIONS)
    body = parser.body
    if body is not None:
        _walk(body, builder)
    builder.finish()
    return _head(parser)


def _walk(body: LexborNode, builder: LayoutBuilder) -> None:
    survey = _Survey()
    stack: list[tuple[Any, int]] = []
    node = _add_texts(body.first_child, builder)
    while True:
        while node is not None:
            node = _add_texts(node.first_child if _open(node, builder, stack, survey) else node.next, builder)
        if not stack:
            return
        node, opened = stack.pop()
        if opened:
            builder.close(opened)
        node = _add_texts(node.next, builder)


def _add_texts(node: Any, builder: LayoutBuilder) -> Any:
    """Adds the texts from a node to the next element that is displayed, and returns that."""
    line = builder.line
    while node is not None:
        number = node.tag_id
        if number == _TEXT:
            # Most texts are white space at the beginning of a line, which is not shown.
            if line or not node.is_empty_text_node or builder.block.tag in PREFORMATTED:
                builder.text(node.text_content)
        elif number not in _SKIPPED:
            return node
        node = node.next
    return None


def _open(node: Any, builder: LayoutBuilder, stack: list[tuple[Any, int]], survey: "_Survey") -> bool:
    """Starts an element inside those of ``stack``; returns whether there is something to be read in it."""
    number = node.tag_id
    block = _BLOCKS.get(number)
    if block is not None:
        if builder.open_block(block, node.attributes) and not survey.may_be_content(node, stack):
            builder.add_images(survey.images_in(node))
            builder.close_block()
            return False
        stack.append((node, BLOCK))
    else:
        stack.append((node, NOTHING if number in _STYLING else builder.open(node.tag, node.attributes)))
    if len(stack) > MAX_DEPTH:
        check_depth(len(stack))
    return True


class _Survey:
    """Which elements of a page hold text enough to be content whatever they say of themselves, and which hold images.

    Made of the blocks that say they are no content, each with all that is in it, so that no node is passed over twice,
    however such blocks nest.
    """

    def __init__(self) -> None:
        self._with_text: set[int] = set()
        """``mem_id`` of the elements that hold a text of ``MIN_PROSPECT`` characters outside links."""
        self._with_images: set[int] = set()
        self._last, self._depth = 0, MAX_DEPTH
        """The block that was taken up last, and in how many elements it lies."""

        self._images: list[LexborNode] = []
        """In that block."""

    def may_be_content(self, block: LexborNode, stack: list[tuple[Any, int]]) -> bool:
        """Returns whether a block inside the elements of ``stack`` holds text enough."""
        if len(stack) <= self._depth or stack[self._depth][0].mem_id != self._last:
            self._last, self._depth = block.mem_id, len(stack)
            self._take_up(block)
        return block.mem_id in self._with_text

    def _take_up(self, block: LexborNode) -> None:
        self._images = []
        nodes: Iterator[Any] = block.traverse(include_text=True, skip_empty=True)
        for node in nodes:
            text = node.text_content
            if text is not None:
                if len(text) >= MIN_PROSPECT:
                    _add_ancestors(node, self._with_text, _NO_PROSPECT)
            elif (
                node.tag_id not in _NO_IMAGES
                and node.tag in IMAGES
                and _add_ancestors(node, self._with_images, _SKIPPED)
            ):
                self._images.append(node)

    def images_in(self, block: LexborNode) -> list[tuple[str, Attributes]]:
        """Returns tag and attributes of the images in a block."""
        if block.mem_id not in self._with_images:
            return []
        if block.mem_id == self._last:
            return [(str(image.tag), image.attributes) for image in self._images]
        return [
            (str(node.tag), node.attributes)
            for node in block.traverse()
            if node.tag_id not in _NO_IMAGES
            and node.tag in IMAGES
            and (node.parent is None or node.parent.mem_id in self._with_images)
        ]


def _add_ancestors(node: LexborNode, holders: set[int], stop: frozenset[int]) -> bool:
    """Adds the elements around a node, unless one has a number of ``stop``: what is in there counts for none.

    Returns:
        Whether the node counts.
    """
    found: list[int] = []
    parent = node.parent
    while parent is not None and parent.mem_id not in holders:
        if parent.tag_id in stop:
            return False
        found.append(parent.mem_id)
        parent = parent.parent
    holders.update(found)
    return True


def _head(parser: LexborHTMLParser) -> PageHead:
    base: str | None = None
    title: str | None = None
    node: Any = None if parser.head is None else parser.head.first_child
    while node is not None:
        if node.tag == "base" and base is None:
            base = node.attributes.get("href")
        elif node.tag == "title" and title is None:
            title = node.text()
        node = node.next
    root = parser.root
    return PageHead(base=base, title=title, language=None if root is None else root.attributes.get("lang"))
