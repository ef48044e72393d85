"""Which of the URLs that an image element names is the image itself."""

import re
from functools import lru_cache

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
_LAZY_NAMES = frozenset((*LAZY_SOURCES, *LAZY_SRCSETS))
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


def choose_source(attributes: Attributes, sources: list[Attributes]) -> str | None:
    """Returns the reference of an image: the best candidate that is not a spacer, None where there is none.

    Args:
        attributes: Of the ``img`` (or ``amp-img``).
        sources: Of the ``source`` elements of its ``picture``, in order.
    """
    candidates = _own_candidates(attributes)
    if sources and not candidates:
        candidates = next(filter(None, map(_own_candidates, _readable_first(sources))), ())
    source = _lazy_source(attributes) or _plain_source(attributes)
    if not candidates:
        return source
    best = best_candidate([c for c in candidates if not is_placeholder(c.url)])
    if best is not None and (source is None or is_placeholder(source) or _is_larger(best)):
        return best.url
    return source or candidates[0].url


def other_references(attributes: Attributes, sources: list[Attributes], chosen: str) -> list[str]:
    """Returns the further references of an image, spacers left out: other sizes and formats of the same picture."""
    found: dict[str, None] = {}
    if not sources and "srcset" not in attributes and not _lazy_names(tuple(attributes)):
        return []
    for element in (attributes, *sources):
        for name in SRCSETS:
            value = element.get(name)
            if value and len(value) <= MAX_LENGTH:
                found.update(dict.fromkeys(candidate.url for candidate in parse_srcset(value)))
    for value in (_lazy_source(attributes), _plain_source(attributes)):
        if value:
            found[value] = None
    return [reference for reference in found if reference != chosen and not is_placeholder(reference)]


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


def _own_candidates(attributes: Attributes) -> tuple[Candidate, ...]:
    for name in SRCSETS:
        value = attributes.get(name)
        if value and len(value) <= MAX_LENGTH:
            candidates = parse_srcset(value)
            if candidates:
                return candidates
    return ()


def _readable_first(sources: list[Attributes]) -> list[Attributes]:
    """Puts what decoders read before what they do not, and pictures for all screens before those for some."""
    return sorted(
        sources,
        key=lambda s: ((s.get("type") or "").strip().lower() in _UNREADABLE_TYPES, bool(s.get("media"))),
    )


def _is_larger(candidate: Candidate) -> bool:
    return candidate.width is not None or candidate.density > 1


def _lazy_source(attributes: Attributes) -> str | None:
    names = _lazy_names(tuple(attributes))
    if not names:
        return None
    for name in LAZY_SOURCES:
        value = (attributes.get(name) or "").strip()
        if value and not is_placeholder(value) and " " not in value:
            return value
    for name in names:
        value = (attributes[name] or "").strip()
        if value and _LOOKS_LIKE_IMAGE.match(value) and not is_placeholder(value):
            return value
    return None


@lru_cache(maxsize=1024)
def _lazy_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns which attributes may hold the URL of an image that is loaded late: a site's images have the same ones."""
    return tuple(
        name for name in names if name in _LAZY_NAMES or (name not in _COMMON_NAMES and _LAZY_NAME.match(name))
    )


def _plain_source(attributes: Attributes) -> str | None:
    value = (attributes.get("src") or attributes.get("data") or "").strip()
    return value or None
