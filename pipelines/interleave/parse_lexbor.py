"""The default engine: lexbor (https://lexbor.com), by selectolax."""

from typing import Any

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from pipelines.interleave.elements import BLOCKS, IMAGES, SKIPPED, STYLING
from pipelines.interleave.encoding import DecodedPage
from pipelines.interleave.layout import BLOCK, MAX_PROSPECT, MIN_PROSPECT, NOTHING, Attributes, LayoutBuilder
from pipelines.interleave.limits import MAX_DEPTH, check_depth
from pipelines.interleave.page_head import PageHead

TEXT, SKIP, STYLE, OTHER = range(10, 14)
_KINDS: dict[str | None, int] = {
    **dict.fromkeys(SKIPPED, SKIP),
    **dict.fromkeys(STYLING, STYLE),
    **dict.fromkeys(BLOCKS, BLOCK),
    "-text": TEXT,
    None: SKIP,
}
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
    add_text, open_block, close_block = builder.text, builder.open_block, builder.close_block
    kind_of = _KINDS.get
    stack: list[tuple[Any, int]] = []
    node: Any = body.first_child
    while True:
        while node is not None:
            tag = node.tag
            kind = kind_of(tag, OTHER)
            if kind == TEXT:
                add_text(node.text_content)
                node = node.next
                continue
            if kind == SKIP:
                node = node.next
                continue
            if kind == BLOCK:
                if open_block(tag, node.attributes):
                    images = _survey(node)
                    if images is not None:
                        builder.add_images(images)
                        close_block()
                        node = node.next
                        continue
                stack.append((node, BLOCK))
            else:
                stack.append((node, builder.open(tag, node.attributes) if kind == OTHER else NOTHING))
            if len(stack) > MAX_DEPTH:
                check_depth(len(stack))
            node = node.first_child
        if not stack:
            return
        node, opened = stack.pop()
        if opened == BLOCK:
            close_block()
        elif opened:
            builder.close(opened)
        node = node.next


def _survey(block: LexborNode) -> list[tuple[str, Attributes]] | None:
    """Returns the images in a block that says it is no content, or None where it holds text enough to be content."""
    images: list[tuple[str, Attributes]] = []
    kind_of = _KINDS.get
    prospect = links = 0
    stack: list[tuple[Any, bool]] = []
    node: Any = block.first_child
    while True:
        while node is not None:
            tag = node.tag
            kind = kind_of(tag, OTHER)
            if kind == TEXT:
                if not links:
                    length = len(node.text_content)
                    if length >= MIN_PROSPECT:
                        prospect += length
                        if prospect >= MAX_PROSPECT:
                            return None
                node = node.next
            elif kind == SKIP:
                node = node.next
            else:
                if tag in IMAGES:
                    images.append((tag, node.attributes))
                is_link = tag == "a"
                links += is_link
                stack.append((node, is_link))
                if len(stack) > MAX_DEPTH:
                    check_depth(len(stack))
                node = node.first_child
        if not stack:
            return images
        node, is_link = stack.pop()
        links -= is_link
        node = node.next


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
