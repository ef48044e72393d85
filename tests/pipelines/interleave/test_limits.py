"""The search for long tags finds what a search of the whole page finds, wherever quotes and angle brackets stand."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pipelines.interleave.limits import long_tags

TAG = re.compile(rb"<[a-zA-Z][^>=]*+(?:=[ \t\n\f\r]*+(?:\"[^\"]*+\"|'[^']*+')?+[^>=]*+)*+")
PIECES = [
    b"<",
    b"<a",
    b">",
    b'"',
    b"'",
    b"=",
    b'="',
    b"='",
    b"= '",
    b" ",
    b"b",
    b"</p>",
    b"<!-- ",
    b"text of some length",
]


@given(st.lists(st.sampled_from(PIECES), max_size=120).map(b"".join), st.integers(1, 60))
def test_the_long_tags_are_those_of_the_whole_page(body: bytes, length: int) -> None:
    assert list(long_tags(body, length)) == [tag for tag in TAG.findall(body) if len(tag) > length]


def test_a_tag_goes_on_behind_quoted_brackets() -> None:
    tag = b"<p " + b" ".join(b"a%d='>'" % number for number in range(30))

    assert list(long_tags(b"<i>text</i>" + tag + b">text<br>", 100)) == [tag]
