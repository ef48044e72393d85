"""References are resolved as ada resolves them, also those that are taken as they are."""

import ada_url
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.interleave.urls import UrlError, resolve

BASE = "https://base.org/folder/page.html"
HEADS = ["http://", "https://", "HTTPS://", "https://example.com", "https://a.b-c.org/", "//example.com/", "/", ""]
PIECES = (
    "a example . .. / // /. %2e %2E - -- xn-- 1 0x1 127 com org ? # a=1 & ~ %zz :80 :443 @ user@ _ ! + = , ; ' ( \u00e9"
    " \\ A com. co1 localhost * | ^ ` .com .co .c"
)


def resolved(reference: str) -> str | None:
    try:
        return resolve(reference, BASE)
    except UrlError:
        return None


@given(st.sampled_from(HEADS), st.lists(st.sampled_from([*PIECES.split(), " ", "\n"]), max_size=8).map("".join))
@example("https://example.com", "/a.jpg?w=100&h=50")
@example("https://", "a.1/b")
@example("https://", "xn--a.com/")
def test_a_reference_is_resolved_as_by_the_library(head: str, rest: str) -> None:
    try:
        expected = ada_url.join_url(BASE, head + rest).partition("#")[0]
    except ValueError:
        expected = None

    assert resolved(head + rest) == expected
