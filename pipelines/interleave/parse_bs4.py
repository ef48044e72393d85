"""The second engine: BeautifulSoup over html5lib, which builds the tree of the HTML standard as lexbor does."""

import warnings
from collections.abc import Iterator
from typing import TypeGuard

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from pipelines.interleave.elements import BLOCKS, IMAGES, SKIPPED, STYLING
from pipelines.interleave.encoding import DecodedPage
from pipelines.interleave.layout import BLOCK, MIN_PROSPECT, NOTHING, Attributes, LayoutBuilder
from pipelines.interleave.limits import check_depth
from pipelines.interleave.page_head import PageHead

_SPACE = " \t\n\f\r"


def lay_out_bs4(page: DecodedPage, builder: LayoutBuilder) -> PageHead:
    """Parses a page, tells ``builder`` what is in its body, and returns what its head says."""
    with warnings.catch_warnings():
        # Pages that look like XML or like a path are pages all the same.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        soup = BeautifulSoup(page.text, "html5lib", multi_valued_attributes=None)
    if soup.body is not None:
        _walk(soup.body, builder)
    builder.finish()
    return _head(soup)


def _walk(body: Tag, builder: LayoutBuilder) -> None:
    stack: list[tuple[Iterator[PageElement], int]] = [(iter(body.contents), 0)]
    while stack:
        children, opened = stack[-1]
        node = next(children, None)
        if node is None:
            stack.pop()
            if opened:
                builder.close(opened)
        elif isinstance(node, Tag):
            if node.name not in SKIPPED:
                inside = NOTHING
                if node.name in BLOCKS:
                    inside = BLOCK
                    if builder.open_block(node.name, _attributes(node)):
                        images = _survey(node)
                        if images is not None:
                            builder.add_images(images)
                            builder.close_block()
                            continue
                elif node.name not in STYLING:
                    inside = builder.open(node.name, _attributes(node))
                stack.append((iter(node.contents), inside))
                check_depth(len(stack) - 1)
        elif _is_text(node):
            builder.text(str(node))


def _is_text(node: PageElement) -> TypeGuard[NavigableString]:
    return isinstance(node, NavigableString) and not isinstance(node, PreformattedString)


def _survey(block: Tag) -> list[tuple[str, Attributes]] | None:
    """Returns the images in a block that says it is no content, or None where it holds text enough to be content."""
    images: list[tuple[str, Attributes]] = []
    links = int(block.find_parent("a") is not None)
    stack: list[tuple[Iterator[PageElement], bool]] = [(iter(block.contents), False)]
    while stack:
        children, is_link = stack[-1]
        node = next(children, None)
        if node is None:
            stack.pop()
            links -= is_link
        elif isinstance(node, Tag):
            if node.name not in SKIPPED:
                if node.name in IMAGES:
                    images.append((node.name, _attributes(node)))
                links += node.name == "a"
                stack.append((iter(node.contents), node.name == "a"))
                check_depth(len(stack) - 1)
        elif _is_text(node) and not links and len(node) >= MIN_PROSPECT and node.strip(_SPACE):
            return None
    return images


def _attributes(node: Tag) -> Attributes:
    # An attribute without a value is None to lexbor and empty here; both mean the same.
    return {name: str(value) if value else None for name, value in node.attrs.items()}


def _head(soup: BeautifulSoup) -> PageHead:
    base: str | None = None
    title: str | None = None
    for node in soup.head.contents if soup.head is not None else ():
        if isinstance(node, Tag) and node.name == "base" and base is None:
            base = _attributes(node).get("href")
        elif isinstance(node, Tag) and node.name == "title" and title is None:
            title = node.get_text()
    root = soup.find("html")
    return PageHead(base=base, title=title, language=_attributes(root).get("lang") if isinstance(root, Tag) else None)
