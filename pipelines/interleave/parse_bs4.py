"""The second engine: BeautifulSoup over html5lib, which builds the tree of the HTML standard as lexbor does."""

from typing import Any

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from pipelines.interleave.elements import SKIPPED, STYLING
from pipelines.interleave.layout import Attributes, LayoutBuilder
from pipelines.interleave.page_head import PageHead


def lay_out_bs4(html: str, builder: LayoutBuilder) -> PageHead:
    """Parses a page, tells ``builder`` what is in its body, and returns what its head says."""
    soup = BeautifulSoup(html, "html5lib", multi_valued_attributes=None)
    if soup.body is not None:
        _walk(soup.body, builder)
    builder.finish()
    return _head(soup)


def _walk(body: Tag, builder: LayoutBuilder) -> None:
    stack: list[tuple[Any, int]] = []
    children = iter(body.contents)
    parents = [children]
    while parents:
        node = next(parents[-1], None)
        if node is None:
            parents.pop()
            if stack:
                _, opened = stack.pop()
                if opened:
                    builder.close(opened)
        elif isinstance(node, Tag):
            if node.name not in SKIPPED:
                opened = 0 if node.name in STYLING else builder.open(node.name, _attributes(node))
                stack.append((node, opened))
                parents.append(iter(node.contents))
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            builder.text(str(node))


def _attributes(node: Tag) -> Attributes:
    # An attribute without a value is None to lexbor and empty here; both mean the same.
    return {name: str(value) if value else None for name, value in node.attrs.items()}


def _head(soup: BeautifulSoup) -> PageHead:
    base = soup.find("base", href=True)
    title = soup.find("title")
    root = soup.find("html")
    return PageHead(
        base=str(base["href"]) or None if isinstance(base, Tag) else None,
        title=title.get_text() if isinstance(title, Tag) else None,
        language=str(root.get("lang") or "") or None if isinstance(root, Tag) else None,
    )
