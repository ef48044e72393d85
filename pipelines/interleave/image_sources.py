"""Which of the URLs that an image element names is the image itself."""

import re

from pipelines.interleave.data_uris import is_data_uri
from pipelines.interleave.srcset import Candidate, best_candidate, parse_srcset

Attributes = dict[str, str | None]

LAZY_SRCSETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-lazyload-srcset")
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

_PLACEHOLDER_NAME = re.compile(
    r"(?:^|[/_.-])(?:spacer|blank|pixel|clear|transparent|trans|1x1|1px|placeholder|grey|gray|dummy|empty|loading"
    r"|loader|lazy|lazyload|ajax-loader|dot|shim|space|x)(?:[_.-][^/]*)?\.(?:gif|png|svg|jpe?g|webp)(?:[?#]|$)",
    re.IGNORECASE,
)
_LOOKS_LIKE_IMAGE = re.compile(
    r"^(?:https?:)?/{0,2}[^\s<>\"{}]+\.(?:jpe?g|png|webp|gif|avif)(?:[?#]\S*)?$", re.IGNORECASE
)
_LAZY_NAME = re.compile(r"^(?:data-.*(?:src|original|lazy|image|img|hires|full|large)|.*lazy.*)", re.IGNORECASE)
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
    if not candidates:
        for variant in _readable_first(sources):
            candidates = _own_candidates(variant)
            if candidates:
                break
    best = best_candidate([c for c in candidates if not is_placeholder(c.url)])
    source = _lazy_source(attributes) or _plain_source(attributes)
    if best is not None and (source is None or is_placeholder(source) or _is_larger(best)):
        return best.url
    return source or (candidates[0].url if candidates else None)


def is_placeholder(reference: str) -> bool:
    """Returns whether a reference names a spacer: an image that scripts replace, or that only takes up room."""
    if is_data_uri(reference):
        return len(reference) < 700 or reference[:18].lower().startswith("data:image/svg+xml")
    return bool(_PLACEHOLDER_NAME.search(reference))


def _own_candidates(attributes: Attributes) -> list[Candidate]:
    for name in (*LAZY_SRCSETS, "srcset"):
        value = attributes.get(name)
        if value:
            candidates = parse_srcset(value)
            if candidates:
                return candidates
    return []


def _readable_first(sources: list[Attributes]) -> list[Attributes]:
    """Puts what decoders read before what they do not, and pictures for all screens before those for some."""
    return sorted(
        sources,
        key=lambda s: ((s.get("type") or "").strip().lower() in _UNREADABLE_TYPES, bool(s.get("media"))),
    )


def _is_larger(candidate: Candidate) -> bool:
    return candidate.width is not None or candidate.density > 1


def _lazy_source(attributes: Attributes) -> str | None:
    for name in LAZY_SOURCES:
        value = (attributes.get(name) or "").strip()
        if value and not is_placeholder(value) and " " not in value:
            return value
    for name, text in attributes.items():
        value = (text or "").strip()
        if name != "src" and _LAZY_NAME.match(name) and _LOOKS_LIKE_IMAGE.match(value) and not is_placeholder(value):
            return value
    return None


def _plain_source(attributes: Attributes) -> str | None:
    value = (attributes.get("src") or attributes.get("data") or "").strip()
    return value or None
