"""One page, whole: bytes to a document, or to the reason why not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from pipelines.interleave.encoding import DecodedPage, decode_page
from pipelines.interleave.images import Embedded
from pipelines.interleave.language import identify_language
from pipelines.interleave.layout import LayoutBuilder
from pipelines.interleave.limits import PageLimitError, check_bytes
from pipelines.interleave.main_content import find_main_content
from pipelines.interleave.page_head import PageHead
from pipelines.interleave.page_images import JOB, PageImages, choose_images, reject_kept
from pipelines.interleave.parse_bs4 import lay_out_bs4
from pipelines.interleave.parse_lexbor import lay_out_lexbor
from pipelines.interleave.segments import make_segments
from pipelines.interleave.text_statistics import PARAGRAPH_SEPARATOR, describe
from pipelines.interleave.texts import clean_line
from pipelines.interleave.urls import UrlError, host_of, normalise_page_url, page_id, registrable_domain, resolve
from schemas.documents import Document, Segment, TextSegment
from schemas.pages import Page
from schemas.rejections import Rejection, RejectReason
from schemas.text_statistics import TextStatistics

Parser = Literal["lexbor", "bs4"]
ENGINES: dict[Parser, Callable[[DecodedPage, LayoutBuilder], PageHead]] = {"lexbor": lay_out_lexbor, "bs4": lay_out_bs4}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """What became of a page and of every image reference in it."""

    outcome: Document | Rejection
    n_images: int = 0
    """Image references found in the page, kept or not."""

    rejected_images: tuple[Rejection, ...] = ()
    embedded: dict[str, Embedded] = field(default_factory=dict)
    """Decoded ``data:`` images of the document, by image id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """The main content of a page, before anything is measured of it."""

    segments: tuple[Segment, ...]
    images: PageImages
    title: str | None


def extract_page(
    page: Page, *, parser: Parser = "lexbor", max_images: int = 30, css_images: bool = False
) -> PageResult:
    """Turns a page into a document.

    Args:
        page: As read from its archive.
        parser: The HTML engine; all give the same document.
        max_images: A page with more kept images is refused (MM1, appendix A.1).
        css_images: Also takes the images of ``style`` attributes.
    """
    try:
        url = normalise_page_url(page.url)
        content = extract_content(page.body, page.content_type, url, parser=parser, css_images=css_images)
    except UrlError as error:
        return PageResult(outcome=_reject(page, RejectReason.BAD_URL, str(error)))
    except PageLimitError as error:
        return PageResult(outcome=_reject(page, error.reason, str(error), error.value, error.threshold))
    images = content.images
    outcome: Document | Rejection
    if len(images.kept) > max_images:
        outcome = _reject(page, RejectReason.TOO_MANY_IMAGES, url, len(images.kept), max_images)
    elif not content.segments:
        outcome = _reject(page, RejectReason.NO_MAIN_TEXT, url)
    else:
        outcome = _document(page, url, content)
    if isinstance(outcome, Rejection):
        images = reject_kept(images, outcome.reason, page_id(url))
    return PageResult(
        outcome=outcome,
        n_images=content.images.count,
        rejected_images=tuple(images.rejections),
        embedded=images.embedded,
    )


def extract_content(
    body: bytes, content_type: str | None, url: str, *, parser: Parser = "lexbor", css_images: bool = False
) -> PageContent:
    """Returns the main content of a page.

    Args:
        body: Of the page, as bytes.
        content_type: Value of its Content-Type header; None where there is none.
        url: Normalised URL of the page.
        parser: The HTML engine.
        css_images: Also takes the images of ``style`` attributes.

    Raises:
        PageLimitError: The page is no HTML, or is over a limit.
    """
    check_bytes(body)
    layout = LayoutBuilder(css_images=css_images)
    head = ENGINES[parser](decode_page(body, content_type), layout)
    content = find_main_content(layout, head.title)
    base = _base(head, url)
    images = choose_images(layout, set(content.images), base, page_id(url))
    return PageContent(
        segments=make_segments(layout, content.runs, images.kept, base),
        images=images,
        title=clean_line(head.title) or None if head.title else None,
    )


def _reject(
    page: Page, reason: RejectReason, detail: str, value: float | None = None, threshold: float | None = None
) -> Rejection:
    return Rejection(
        job=JOB,
        kind="record",
        item=f"{page.archive}:{page.record_offset}",
        reason=reason,
        value=value,
        threshold=threshold,
        detail=detail,
        url=page.url,
    )


def _base(head: PageHead, url: str) -> str:
    """Returns what references are resolved against: the page's ``base``, where it is an http URL."""
    try:
        base = resolve(head.base.strip(), url) if head.base else url
    except UrlError:
        return url
    return base if base.startswith(("http://", "https://")) else url


def _document(page: Page, url: str, content: PageContent) -> Document:
    segments = content.segments
    text = PARAGRAPH_SEPARATOR.join(s.text for s in segments if isinstance(s, TextSegment))
    language, score = identify_language(text)
    statistics, paragraphs = describe(text, language) if text else (None, ())
    return Document(
        document_id=page_id(url),
        url=url,
        domain=registrable_domain(host_of(url)),
        title=content.title,
        language=language,
        language_score=score,
        archive=page.archive,
        record_offset=page.record_offset,
        record_length=page.record_length,
        crawl_time=page.crawl_time,
        segments=tuple(_with_statistics(segments, paragraphs)),
        statistics=statistics,
    )


def _with_statistics(segments: tuple[Segment, ...], paragraphs: tuple[TextStatistics, ...]) -> Iterator[Segment]:
    """Yields the segments, each text with the statistics of its paragraphs."""
    first = 0
    for segment in segments:
        if isinstance(segment, TextSegment):
            last = first + segment.text.count(PARAGRAPH_SEPARATOR) + 1
            yield TextSegment(text=segment.text, statistics=paragraphs[first:last])
            first = last
        else:
            yield segment
