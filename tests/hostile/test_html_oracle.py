"""Soups of tags: what the parser makes of them does not change unseen, and another parser makes the same documents."""

import hashlib
import random
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from pipelines.interleave.document import extract_page
from tests.pipelines.interleave.pages import page

SEED = 20240314
BASELINE = "2acb16a28edbb3def7d2a3a7f4c85cfb74fcfaff5b1618d3f0cea7834edd18c8"
"""Digest of the trees of all soups. Another version of the parser that changes it reads some pages in another way: look
at which ones before writing down the new one."""

LEAST_AGREEMENT = 0.97
"""html5lib follows the standard of some years ago: select elements and foreign content have changed since."""

TAGS = """
p div table tr td th tbody b i a ul ol li dl dt dd form button select option svg math title script style textarea
template br img h1 h2 pre blockquote span section article main nav figure figcaption noscript em strong center font
nobr ruby rt object iframe frameset body html head caption colgroup col hr input xmp
"""
BITS = (
    "text ",
    "more words here. ",
    " ",
    "\n",
    "&amp;",
    "&notit;",
    "&#x80;",
    "&lt",
    "<!-- c -->",
    "<!doctype html>",
    "<![CDATA[x]]>",
    "<",
    "</",
    "<?pi?>",
    "\0",
    "é",
    "<p class='a b' id=x>",
    "<img src='/a.png' alt='x'>",
    "<!--",
    "-->",
    "<a href='/y'>",
    "<div hidden>",
    "<svg><title>",
    "<math><mi>",
    "A sentence long enough to be a paragraph, with a comma. ",
)


def soups(count: int) -> Iterator[bytes]:
    """Yields pages of tags that open, close and overlap as they like, between texts and broken markup."""
    generator, tags = random.Random(SEED), TAGS.split()
    for _ in range(count):
        bits = []
        for _ in range(generator.randrange(5, 60)):
            kind = generator.random()
            tag = generator.choice(tags)
            bits.append(f"<{tag}>" if kind < 0.4 else f"</{tag}>" if kind < 0.65 else generator.choice(BITS))
        yield "".join(bits).encode()


def test_the_trees_of_the_parser_are_those_of_the_baseline() -> None:
    digest = hashlib.sha256()
    for soup in soups(7_000):
        digest.update((LexborHTMLParser(soup).html or "").encode() + b"\0")

    assert digest.hexdigest() == BASELINE


def test_both_engines_make_the_same_document_of_almost_every_soup() -> None:
    pages = [page(soup) for soup in soups(1_500)]

    same = sum(extract_page(one, parser="lexbor") == extract_page(one, parser="bs4") for one in pages)

    assert same >= LEAST_AGREEMENT * len(pages)
