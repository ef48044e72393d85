"""What stands on a page, before any mark-up: the parts, and the truth about each."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.rejections import RejectReason
from world.pictures import Source
from world.sites import Site


class PageKind(StrEnum):
    """What a page was made to exercise."""

    ARTICLE = "article"
    EXACT_COPY = "exact_copy"
    RESIZED_COPY = "resized_copy"
    NEAR_DUPLICATE = "near_duplicate"
    CAPTURED_TWICE = "captured_twice"
    GALLERY = "gallery"
    TEXT_ONLY = "text_only"
    WRONG_ALT = "wrong_alt"
    TINY_AND_BANNED = "tiny_and_banned"
    HUGE_AND_WIDE = "huge_and_wide"
    BROKEN_IMAGES = "broken_images"
    LATIN_HEADER = "latin_header"
    WINDOWS_META = "windows_meta"
    FRENCH = "french"
    GERMAN = "german"
    NOT_FOUND = "not_found"
    PDF = "pdf"
    BASE_HREF = "base_href"
    SRCSET = "srcset"
    LAZY = "lazy"
    PICTURE_ELEMENT = "picture_element"
    PROTOCOL_RELATIVE = "protocol_relative"
    REPEATED_IMAGE = "repeated_image"
    THIN = "thin"
    SAME_IMAGE_SET = "same_image_set"
    REDIRECT = "redirect"
    GIF_IMAGE = "gif_image"
    REPETITIVE = "repetitive"
    MISSING_ALT = "missing_alt"


CYCLE: tuple[PageKind, ...] = (
    *(PageKind.ARTICLE, PageKind.EXACT_COPY, PageKind.RESIZED_COPY, PageKind.NEAR_DUPLICATE),
    *(PageKind.CAPTURED_TWICE, PageKind.GALLERY, PageKind.TEXT_ONLY, PageKind.WRONG_ALT),
    *(PageKind.TINY_AND_BANNED, PageKind.HUGE_AND_WIDE, PageKind.BROKEN_IMAGES),
    *(PageKind.LATIN_HEADER, PageKind.WINDOWS_META, PageKind.FRENCH, PageKind.GERMAN),
    *(PageKind.NOT_FOUND, PageKind.PDF, PageKind.BASE_HREF, PageKind.SRCSET, PageKind.LAZY),
    *(PageKind.PICTURE_ELEMENT, PageKind.PROTOCOL_RELATIVE, PageKind.REPEATED_IMAGE),
    *(PageKind.THIN, PageKind.ARTICLE, PageKind.SAME_IMAGE_SET, PageKind.REDIRECT),
    *(PageKind.GIF_IMAGE, PageKind.REPETITIVE, PageKind.MISSING_ALT),
)
"""Page ``i`` is of kind ``CYCLE[i % 30]``: 30 pages hold every kind, at fixed shares."""


class Markup(StrEnum):
    """How a page refers to an image."""

    PLAIN = "plain"
    SRCSET = "srcset"
    LAZY = "lazy"
    PICTURE = "picture"
    PROTOCOL_RELATIVE = "protocol_relative"
    PATH_RELATIVE = "path_relative"
    ROOT_RELATIVE = "root_relative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One reference to an image, with every text about it and whether that text is true."""

    url: str
    source: Source | None
    """None for a dead link."""

    what: str
    """``photo``, ``shared_photo``, or what is wrong: ``tiny``, ``banned_word``, ``truncated``, ..."""

    shows: str | None
    """The plain true caption; None where nothing can be seen."""

    alt: str | None
    title: str | None = None
    caption: str | None = None
    near: str | None = None
    """First sentence of the paragraph after the image."""

    texts_are_true: bool | None = None
    """Whether alt, caption and near text describe this picture; None where there is no such text."""

    markup: Markup = Markup.PLAIN
    duplicate_of: str | None = None
    """URL of the picture that this one repeats."""

    duplicate_how: str | None = None
    """``exact``, ``resized`` or ``same_url``."""

    reason: RejectReason | None = None
    """Why no pool should hold it, where the world was made so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One answer of the server."""

    date: str
    """ISO 8601 in UTC."""

    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """One page: mark-up is made from this and from nothing else."""

    index: int
    url: str
    site: Site
    kind: PageKind
    title: str
    language: str
    captures: tuple[Capture, ...]
    figures: tuple[tuple[int, Figure], ...]
    """Each after how many paragraphs, in order."""

    notice: str | None
    """The site's repeated paragraph, where this page has it (before its last paragraph)."""

    encoding: str = "utf-8"
    status: int = 200
    duplicate_of: str | None = None
    duplicate_how: str | None = None
    reason: RejectReason | None = None
