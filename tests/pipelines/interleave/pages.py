"""Pages for tests, and documents as short lists that a reader can compare by eye."""

from dataclasses import fields

from pipelines.interleave.document import PageResult, Parser, extract_page
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.pages import Page

URL = "https://example.org/blog/2024/post.html"

Short = str | dict[str, object]
"""A text, or the fields of an image that are not None."""


def page(body: str | bytes, url: str = URL, content_type: str | None = "text/html; charset=utf-8") -> Page:
    """Returns a page as a WARC would give it."""
    return Page(
        url=url,
        body=body if isinstance(body, bytes) else body.encode(),
        content_type=content_type,
        crawl_time="2024-05-01T00:00:00Z",
        archive="a.warc.gz",
        record_offset=0,
        record_length=1,
    )


def result(body: str | bytes, parser: Parser = "lexbor", url: str = URL) -> PageResult:
    """Returns what becomes of a page."""
    return extract_page(page(body, url), parser=parser)


def document(body: str | bytes, parser: Parser = "lexbor", url: str = URL) -> Document:
    """Returns the document of a page that must have one."""
    outcome = result(body, parser, url).outcome
    assert isinstance(outcome, Document), outcome
    return outcome


def shorten(found: Document) -> list[Short]:
    """Returns the segments of a document."""
    return [_short(segment) for segment in found.segments]


def _short(segment: TextSegment | ImageSegment) -> Short:
    if isinstance(segment, TextSegment):
        return segment.text
    values = {field.name: getattr(segment, field.name) for field in fields(segment)}
    return {name: value for name, value in values.items() if value is not None and name != "near"}
