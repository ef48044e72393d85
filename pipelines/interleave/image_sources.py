"""Which of the URLs that an image element names is the image itself."""

import re
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from pipelines.interleave.data_uris import is_data_uri
from pipelines.interleave.srcset import MAX_LENGTH, Candidate, best_candidate, parse_srcset

Attributes = dict[str, str | None]

LAZY_SRCSETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-lazyload-srcset")
SRCSETS = (*LAZY_SRCSETS, "srcset")
LAZY_SOURCES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-original-src",
    "data-hi-res-src",
    "data-full-src",
    "data-img-src",
    "data-lazyload",
    "data-image",
    "data-image-src",
    "data-src-fg",
    "data-scroll-image",
    "data-lateloadsrc",
    "data-gt-lazy-src",
    "data-echo",
    "data-cfsrc",
    "data-pagespeed-lazy-src",
    "data-actualsrc",
    "data-runner-src",
    "data-native-src",
    "data-delayed-url",
    "data-defer-src",
    "data-normal",
    "data-hires",
    "data-url",
    "data-thumb",
    "lazy-src",
    "src2",
)
"""What scripts that load images late keep the real URL in, by how common they are."""

MAX_SPACER = 700
"""Characters of a ``data:`` URI up to which it is taken for a spacer."""

MAX_NAME = 80
"""Characters of a file name up to which it can be a spacer's."""

MAX_REMEMBERED = 500
"""Characters of a reference whose verdict is remembered."""

_COMMON_NAMES = frozenset(
    ("src", "alt", "title", "class", "id", "width", "height", "style", "srcset", "sizes", "loading", "border")
)
_LAZY_SOURCES = frozenset(LAZY_SOURCES)
_PLACEHOLDER_NAME = re.compile(
    r"(?:spacer|blank|pixel|clear|transparent|trans|1x1|1px|placeholder|dummy|empty|loading|loader|lazy|lazyload|shim"
    r"|ajax-loader|gr[ae]y|white)"
    r"(?:[_.-]?(?:\d+(?:x\d+)?|px|img|image|pixel|bg|white|gr[ae]y|gif|small|large|loader|spinner|placeholder))*"
    r"\.(?:gif|png|svg|jpe?g|webp)\Z",
    re.IGNORECASE,
)
_LOOKS_LIKE_IMAGE = re.compile(
    r"(?:https?:)?/{0,2}[^\s<>\"{}]+\.(?:jpe?g|png|webp|gif|avif)(?:[?#]\S*)?\Z", re.IGNORECASE
)
_LAZY_NAME = re.compile(r"data-.*(?:src|original|lazy|image|img|hi-?res|full|large)|.*lazy", re.IGNORECASE)
_UNREADABLE_TYPES = frozenset(
    ("image/svg+xml", "image/avif", "image/jxl", "image/jp2", "image/heic", "image/vnd.ms-photo")
)


def choose_source(attributes: Attributes, sources: list[Attributes]) -> tuple[str | None, list[str]]:
    """Returns the reference of an image, and its further ones: other sizes and formats of the same picture.

    The reference is the best candidate that is not a spacer, None where there is none; no other is a spacer.

    Args:
        attributes: Of the ``img`` (or ``amp-img``).
        sources: Of the ``source`` elements of its ``picture``, in order.
    """
    names = _source_names(tuple(attributes))
    plain = _plain_source(attributes)
    if not sources and not names.srcsets and not names.lazy:
        return plain, []
    own = _candidates(attributes, names.srcsets)
    candidates = next(filter(None, own), ())
    if sources and not candidates:
        candidates = next(filter(None, map(_first_candidates, _readable_first(sources))), ())
    lazy = _lazy_source(attributes, names.lazy)
    chosen = _choose(candidates, lazy or plain)
    offered = chain(own, *(_candidates(source, SRCSETS) for source in sources))
    found = dict.fromkeys([*(candidate.url for group in offered for candidate in group), lazy or "", plain or ""])
    return chosen, [url for url in found if url and url != chosen and not is_placeholder(url)]


def _choose(candidates: tuple[Candidate, ...], source: str | None) -> str | None:
    if not candidates:
        return source
    best = best_candidate([c for c in candidates if not is_placeholder(c.url)])
    if best is not None and (source is None or is_placeholder(source) or _is_larger(best)):
        return best.url
    return source or candidates[0].url


def is_placeholder(reference: str) -> bool:
    """Returns whether a reference names a spacer: an image that scripts replace, or that only takes up room."""
    if is_data_uri(reference):
        return len(reference) < MAX_SPACER or reference[:18].lower().startswith("data:image/svg+xml")
    return _names_spacer(reference) if len(reference) <= MAX_REMEMBERED else _names_spacer.__wrapped__(reference)


@lru_cache(maxsize=4096)
def _names_spacer(reference: str) -> bool:
    """Remembers, since each reference of an element is asked about when it is chosen and when it is weighed."""
    name = reference.partition("?")[0].partition("#")[0].rpartition("/")[2]
    return len(name) <= MAX_NAME and _PLACEHOLDER_NAME.match(name) is not None


def _candidates(attributes: Attributes, names: tuple[str, ...]) -> list[tuple[Candidate, ...]]:
    """Returns what each ``srcset`` of an element offers, by their order in ``SRCSETS``."""
    values = filter(None, map(attributes.get, names))
    return [parse_srcset(value) for value in values if len(value) <= MAX_LENGTH]


def _first_candidates(attributes: Attributes) -> tuple[Candidate, ...]:
    return next(filter(None, _candidates(attributes, SRCSETS)), ())


def _readable_first(sources: list[Attributes]) -> list[Attributes]:
    """Puts what decoders read before what they do not, and pictures for all screens before those for some."""
    return sorted(
        sources,
        key=lambda s: ((s.get("type") or "").strip().lower() in _UNREADABLE_TYPES, bool(s.get("media"))),
    )


def _is_larger(candidate: Candidate) -> bool:
    return candidate.width is not None or candidate.density > 1


def _lazy_source(attributes: Attributes, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = (attributes[name] or "").strip()
        if not value or is_placeholder(value):
            continue
        if (name in _LAZY_SOURCES and " " not in value) or _LOOKS_LIKE_IMAGE.match(value):
            return value
    return None


class _SourceNames(NamedTuple):
    """The attributes of an element that may name images, besides ``src`` and ``data``."""

    srcsets: tuple[str, ...]
    lazy: tuple[str, ...]
    """What may hold the URL of an image that is loaded late: first the known ones."""


@lru_cache(maxsize=1024)
def _source_names(names: tuple[str, ...]) -> _SourceNames:
    """Remembers, since a site's images have the same attributes."""
    known = tuple(name for name in LAZY_SOURCES if name in names)
    alike = tuple(n for n in names if n in LAZY_SRCSETS or (n not in _COMMON_NAMES and _LAZY_NAME.match(n)))
    return _SourceNames(
        srcsets=tuple(name for name in SRCSETS if name in names),
        lazy=tuple(dict.fromkeys(known + alike)),
    )


def _plain_source(attributes: Attributes) -> str | None:
    value = (attributes.get("src") or attributes.get("data") or "").strip()
    return value or None
