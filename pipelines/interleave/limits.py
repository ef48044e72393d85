"""Limits on pages, checked on the bytes before a parser sees them, and on the tree as it is walked.

Parsers of the HTML standard take quadratic time, or worse, on pages that nest deeply, leave many formatting elements
open, or give one element thousands of attributes. A page over a limit is refused whole, with a reason; nothing is cut.
"""

import math
import re
from collections.abc import Iterator
from html import unescape
from itertools import product

import numpy as np
from numpy.typing import NDArray

from schemas.rejections import RejectReason

MAX_DEPTH = 512
"""Elements in one another: what Blink keeps (``kMaximumHTMLParserDOMTreeDepth``) before it flattens a page."""

MAX_TAGS = 250_000
"""Start and end tags of a page: ten times a long book's."""

MAX_DECLARATIONS = 20_000
"""Comments, doctypes and CDATA sections."""

MAX_IMAGES = 5_000
MAX_TOKEN_BYTES = 4_000_000
"""Of one text, attribute or script, character references counted as what they stand for."""

MAX_COMPARED = 500_000_000
"""Sum, over all start tags, of the square of the number of their attributes: each name is compared with those before
it. A nanosecond and a half each, for one tag of 22,000 attributes as for many with fewer."""

MAX_LOOKED_THROUGH = 200_000_000
"""Sum, over all tags, of the elements open there: what the parser looks through for the one that a tag ends. Two or
three nanoseconds each. It is an estimate from the names of tags, as drawings and scripts have more of them than the
tree does: how deep elements truly lie is seen as the tree is walked."""

MAX_OPEN_FORMATTING = 1_000_000
"""Sum, over all start tags, of the formatting elements open there: what is built anew for each (HTML standard,
"reconstruct the active formatting elements")."""

_CHECK_TAGS = 5_000
"""Fewer tags cannot nest deep enough to cost time."""

_CHECK_FORMATTING = 200
_CHECK_FORMATTING_TAGS = 2 * math.isqrt(MAX_OPEN_FORMATTING)
"""Fewer tags cannot leave elements open, and then open others, often enough to reach the limit."""

_ATTRIBUTE_BYTES = 3
"""A name and what parts it from the next: there are too few shorter names to matter, as equal ones are dropped."""

_COUNT_ATTRIBUTES = 100
"""Of a tag; fewer are not told from other white space and quotes."""

_TRIES = 4
"""Ends of tags that are looked at in one place before the search goes on elsewhere."""

_LESS_THAN = ord("<")
_HEADS = re.compile(rb"<(/?[a-zA-Z]+|!)")
_TAGS = re.compile(rb"<[a-zA-Z][^>=]*+(?:=[ \t\n\f\r]*+(?:\"[^\"]*+\"|'[^']*+')?+[^>=]*+)*+")
"""Start tags to their end, which a ``>`` in a quoted value is not; possessive, so that the time is linear."""

_TAG_START = re.compile(rb"<[a-zA-Z]")
_VALUES = re.compile(rb"=[ \t\n\f\r]*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>]*+)")
_NAMES = re.compile(rb"[^\s/]+")
_BEFORE_NAMES = b" \t\n\f\r/\"'"
_BINARY = bytes((*range(0x09), *range(0x0E, 0x1B), *range(0x1C, 0x20)))
_KNOWN_TAG = re.compile(
    rb"<(?:!doctype|!--|/?(?:html|head|body|title|meta|script|style|link|div|span|p|a|h[1-6]|table|tr|td|ul|ol|li|br"
    rb"|img|b|i|font|center|form|article|section|main|header|frameset|pre|plaintext)[\s/>])",
    re.IGNORECASE,
)
_SNIFF_BYTES = 4096
_MAGIC = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"%!PS")

_FORMATTING = frozenset(b"b big code em font i nobr s small strike strong tt u".split())
_NOT_NESTING = frozenset(
    b"p li td th tr dt dd option optgroup tbody thead tfoot colgroup col rb rt rp rtc caption body html head"
    b" area base br embed hr img input link meta param source track wbr bgsound keygen".split()
)
"""Elements that are empty, or that the next of their kind ends."""


def _formatting_pairs() -> NDArray[np.bool_]:
    """Returns whether each pair of letters, as the digits of a number, can be what a formatting element begins with."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    for name in _FORMATTING:
        ends = (name[1:2],) if len(name) > 1 else tuple(bytes((byte,)) for byte in b" \t\n\f\r/>")
        for pair in (name[:1] + end for end in ends):
            for first, second in product({*pair[:1].upper(), *pair[:1]}, {*pair[1:].upper(), *pair[1:]}):
                table[first << 8 | second] = True
    return table


_FORMATTING_PAIRS = _formatting_pairs()


class PageLimitError(ValueError):
    """A page is over a limit; ``reason`` says which kind."""

    def __init__(self, reason: RejectReason, message: str, value: float, threshold: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.value = value
        self.threshold = threshold


def check_bytes(body: bytes) -> None:
    """Checks a page that is about to be parsed.

    Raises:
        PageLimitError: It is no HTML, or is over a limit.
    """
    _check_kind(body)
    if len(body) > MAX_TOKEN_BYTES:
        _check_tokens(body)
    is_tag = np.frombuffer(body, dtype=np.uint8) == _LESS_THAN
    n_tags = int(np.count_nonzero(is_tag))
    if n_tags > _CHECK_TAGS or (n_tags > _CHECK_FORMATTING_TAGS and _has_formatting(body, is_tag)):
        heads = _HEADS.findall(body)
        _at_most(heads.count(b"!"), MAX_DECLARATIONS, "comments and declarations")
        _at_most(len(heads), MAX_TAGS, "tags")
        check_nesting(heads)
    _check_attributes(body)


def check_depth(depth: int) -> None:
    """Checks how deep an element lies, as the tree is walked.

    Raises:
        PageLimitError: Deeper than ``MAX_DEPTH``.
    """
    if depth > MAX_DEPTH:
        raise PageLimitError(
            RejectReason.TOO_DEEP, f"elements nest deeper than {MAX_DEPTH}", value=depth, threshold=MAX_DEPTH
        )


def check_images(count: int) -> None:
    """Checks how many images a page has, as the tree is walked.

    Raises:
        PageLimitError: More than ``MAX_IMAGES``.
    """
    _at_most(count, MAX_IMAGES, "images")


def check_nesting(heads: list[bytes]) -> None:
    """Estimates, from the names of the tags in order, what nesting and open formatting elements cost the parser.

    Raises:
        PageLimitError: Too deep or too complex.
    """
    open_of: dict[bytes, int] = {}
    depth = deepest = formatting = rebuilt = looked_through = 0
    for head in heads:
        looked_through += depth
        name = head.lower()
        if name.startswith(b"/"):
            name = name[1:]
            if open_of.get(name, 0):
                open_of[name] -= 1
                depth -= 1
                formatting -= name in _FORMATTING
        elif name != b"!":
            rebuilt += formatting
            if name not in _NOT_NESTING:
                open_of[name] = open_of.get(name, 0) + 1
                depth += 1
                deepest = max(deepest, depth)
                formatting += name in _FORMATTING
    if looked_through > MAX_LOOKED_THROUGH or rebuilt > MAX_OPEN_FORMATTING:
        check_depth(deepest)
    _at_most(rebuilt, MAX_OPEN_FORMATTING, "formatting elements to be built anew")


def _check_kind(body: bytes) -> None:
    head = body[:_SNIFF_BYTES]
    if head.startswith(_MAGIC):
        raise PageLimitError(RejectReason.NOT_HTML, f"begins as another format: {head[:8]!r}", value=1, threshold=0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    n_binary = len(head) - len(head.translate(None, _BINARY))
    if n_binary > len(head) // 50 and not _KNOWN_TAG.search(head):
        raise PageLimitError(
            RejectReason.NOT_HTML, f"{n_binary} control bytes in the first {len(head)}", n_binary, len(head) // 50
        )


def _check_tokens(body: bytes) -> None:
    for token in body.split(b"<"):
        if len(token) > MAX_TOKEN_BYTES and len(unescape(token.decode("latin-1"))) > MAX_TOKEN_BYTES:
            raise PageLimitError(
                RejectReason.PAGE_TOO_LARGE,
                f"one text, attribute or script of {len(token)} bytes",
                value=len(token),
                threshold=MAX_TOKEN_BYTES,
            )


def _has_formatting(body: bytes, is_tag: NDArray[np.bool_]) -> bool:
    """Returns whether enough tags begin as those of formatting elements do: a few others do so too."""
    codes = np.frombuffer(body, dtype=np.uint8)
    places = np.flatnonzero(is_tag[:-2])
    pairs = codes[places + 1].astype(np.uint16) << 8 | codes[places + 2]
    return int(np.count_nonzero(_FORMATTING_PAIRS[pairs])) > _CHECK_FORMATTING


def _check_attributes(body: bytes) -> None:
    # Tags that have no more than this fill the page without reaching the limit.
    length = _ATTRIBUTE_BYTES**2 * MAX_COMPARED // max(1, len(body))
    compared = 0
    for tag in long_tags(body, length):
        count = len(tag) - len(tag.translate(None, _BEFORE_NAMES))
        if count > _COUNT_ATTRIBUTES:
            count = len(_NAMES.findall(_VALUES.sub(b" ", tag))) - 1
        compared += count * count
        _at_most(compared, MAX_COMPARED, "comparisons of names of attributes")


def long_tags(body: bytes, length: int) -> Iterator[bytes]:
    """Yields the start tags of more than ``length`` bytes, each to its end.

    A page is cut about every ``length`` bytes, where no tag goes on. Most pieces are too short to be looked at, and in
    the others ``_TAGS`` finds what it finds in the whole page.
    """
    start, reach = 0, length
    while len(body) - start > length:
        end = _tag_end(body, start, start + reach) if start + reach < len(body) else len(body)
        if end < 0:
            reach *= 2
            continue
        if _TAG_START.search(body, start, end - length + 1):
            yield from [tag for tag in _TAGS.findall(body, start, end) if len(tag) > length]
        start, reach = end, length


def _tag_end(body: bytes, start: int, end: int) -> int:
    """Returns where, after ``start`` and up to ``end``, a ``>`` lies in no tag that begins at ``start`` or later; -1
    where none of the last few is seen to be one.

    A tag holds a ``>`` in a quoted value alone. The quote that opens it is the last of its kind before the ``>``, it
    lies in the tag, and before it stands an equals sign, or white space.
    """
    for _ in range(_TRIES):
        end = body.rfind(b">", start + 1, end + 1)
        if end < 0 or not (_may_open(body, b'"', start, end) or _may_open(body, b"'", start, end)):
            return end
        end -= 1
    return -1


def _may_open(body: bytes, quote: bytes, start: int, end: int) -> bool:
    """Returns whether the last ``quote`` of a part of a page may open an attribute's value."""
    found = body.rfind(quote, start, end)
    return found > start and body[found - 1] in b"= \t\n\f\r"


def _at_most(value: int, limit: int, what: str) -> None:
    if value > limit:
        raise PageLimitError(RejectReason.TOO_COMPLEX, f"{value} {what}, at most {limit}", value, limit)
