"""One page, whole: bytes to a document, or to the reason why not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipelines.interleave.collector import paused_collector
from pipelines.interleave.encoding import DecodedPage, decode_page
from pipelines.interleave.images import Embedded
from pipelines.interleave.language import identify_languages
from pipelines.interleave.layout import LayoutBuilder
from pipelines.interleave.limits import PageLimitError, check_bytes
from pipelines.interleave.main_content import find_main_content
from pipelines.interleave.page_head import PageHead
from pipelines.interleave.page_images import JOB, PageImages, choose_images, reject_kept
from pipelines.interleave.parse_bs4 import lay_out_bs4
from pipelines.interleave.parse_lexbor import lay_out_lexbor
from pipelines.interleave.segments import make_segments
from pipelines.interleave.text_statistics import PARAGRAPH_SEPARATOR, Statistics, describe_all
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

    url: str
    segments: tuple[Segment, ...]
    images: PageImages
    title: str | None

    @property
    def text(self) -> str:
        """Returns all text, paragraphs parted by empty lines."""
        return PARAGRAPH_SEPARATOR.join(s.text for s in self.segments if isinstance(s, TextSegment))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A page before its text is measured: its content, or why it has none."""

    page: Page
    content: PageContent | Rejection
    images: PageImages = field(default_factory=PageImages)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measures:
    """What is measured of the text of a page."""

    language: str | None
    language_score: float | None
    statistics: Statistics


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
    return extract_pages([page], parser=parser, max_images=max_images, css_images=css_images)[0]


def extract_pages(
    pages: Sequence[Page], *, parser: Parser = "lexbor", max_images: int = 30, css_images: bool = False
) -> list[PageResult]:
    """Turns pages into documents: each as ``extract_page`` does; their texts are measured together, which is faster."""
    with paused_collector():
        prepared = [_prepare(page, parser, max_images, css_images) for page in pages]
        measures = iter(_measure([p.content.text for p in prepared if isinstance(p.content, PageContent)]))
        return [_result(p, measures) for p in prepared]


def _result(prepared: _Prepared, measures: Iterator[_Measures]) -> PageResult:
    content, images = prepared.content, prepared.images
    return PageResult(
        outcome=content if isinstance(content, Rejection) else _document(prepared.page, content, next(measures)),
        n_images=images.count,
        rejected_images=tuple(images.rejections),
        embedded=images.embedded,
    )


def _prepare(page: Page, parser: Parser, max_images: int, css_images: bool) -> _Prepared:
    try:
        url = normalise_page_url(page.url)
        content = extract_content(page.body, page.content_type, url, parser=parser, css_images=css_images)
    except UrlError as error:
        return _Prepared(page=page, content=_reject(page, RejectReason.BAD_URL, str(error)))
    except PageLimitError as error:
        return _Prepared(page=page, content=_reject(page, error.reason, str(error), error.value, error.threshold))
    if len(content.images.kept) > max_images:
        problem = _reject(page, RejectReason.TOO_MANY_IMAGES, url, len(content.images.kept), max_images)
    elif not content.segments:
        problem = _reject(page, RejectReason.NO_MAIN_TEXT, url)
    else:
        return _Prepared(page=page, content=content, images=content.images)
    return _Prepared(page=page, content=problem, images=reject_kept(content.images, problem.reason, page_id(url)))


def _measure(texts: list[str]) -> list[_Measures]:
    languages = identify_languages(texts)
    statistics = describe_all(texts, [language for language, _ in languages])
    return [
        _Measures(language=language, language_score=score, statistics=measured)
        for (language, score), measured in zip(languages, statistics, strict=True)
    ]


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
    with paused_collector():
        return _take_apart(body, content_type, url, parser, css_images)


def _take_apart(body: bytes, content_type: str | None, url: str, parser: Parser, css_images: bool) -> PageContent:
    layout = LayoutBuilder(css_images=css_images)
    head = ENGINES[parser](decode_page(body, content_type), layout)
    content = find_main_content(layout, head.title, url)
    base = _base(head, url)
    images = choose_images(layout, set(content.images), base, page_id(url))
    return PageContent(
        url=url,
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


def _document(page: Page, content: PageContent, measures: _Measures) -> Document:
    url = content.url
    whole, paragraphs = measures.statistics
    return Document(
        document_id=page_id(url),
        url=url,
        domain=registrable_domain(host_of(url)),
        title=content.title,
        language=measures.language,
        language_score=measures.language_score,
        archive=page.archive,
        record_offset=page.record_offset,
        record_length=page.record_length,
        crawl_time=page.crawl_time,
        segments=tuple(_with_statistics(content.segments, paragraphs)),
        statistics=whole if content.text else None,
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
