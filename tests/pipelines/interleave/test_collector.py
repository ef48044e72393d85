"""The garbage collector rests while pages are taken apart, and has missed nothing."""

import gc

from pipelines.interleave.collector import paused_collector
from pipelines.interleave.document import extract_pages
from schemas.pages import Page

BODY = (
    b"<nav><a href=/>Home</a></nav><p>A text with <b>marks</b>, of some length.</p><ul><li>One<li>Two</ul><img src=a>"
)


def page(number: int) -> Page:
    return Page(
        url=f"https://example.org/{number}",
        body=BODY,
        content_type=None,
        crawl_time=None,
        archive="a",
        record_offset=number,
        record_length=len(BODY),
    )


def test_taking_pages_apart_leaves_no_cycles_behind() -> None:
    extract_pages([page(0)])  # models and tables are loaded once
    gc.collect()

    with paused_collector():
        extract_pages([page(number) for number in range(20)])
        found = gc.collect()

    assert found == 0


def test_the_collector_is_left_as_it_was_found() -> None:
    with paused_collector():
        with paused_collector():
            assert not gc.isenabled()

        assert not gc.isenabled()

    assert gc.isenabled()
