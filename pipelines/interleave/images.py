"""Image elements of a page as image segments: URL, alt, title, caption, link and size hints, each for itself."""

import re
from dataclasses import dataclass

from pipelines.interleave.data_uris import MAX_BYTES, DataUriError, decode_data_uri, decoded_size, is_data_uri
from pipelines.interleave.image_sources import SRCSETS, choose_source, is_placeholder
from pipelines.interleave.layout import Attributes, ImagePlace
from pipelines.interleave.srcset import MAX_LENGTH
from pipelines.interleave.texts import clean_line
from pipelines.interleave.urls import UrlError, resolve
from schemas.digests import image_id
from schemas.documents import ImageSegment
from schemas.rejections import RejectReason

MAX_TEXT = 10_000
"""Characters of an alt text, title or caption that are kept."""

_SRCSETS = frozenset(SRCSETS)
_SIZES = frozenset(("width", "height", "style"))
_LENGTH = re.compile(r"\s*(\d{1,6})(?:\.\d*)?\s*(?:px)?\s*\Z")
_STYLE_LENGTH = re.compile(r"(?:^|[;\s])(width|height)\s*:\s*(\d{1,6})(?:\.\d*)?px", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A decoded ``data:`` image."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RejectedImage:
    """An image reference that is not kept."""

    reference: str
    reason: RejectReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that an element shows."""

    url: str
    """Absolute; ``"data:" + image_id`` for one that the page itself holds."""

    image_id: str | None = None
    embedded: Embedded | None = None
    others: tuple[str, ...] = ()
    """References to the same picture in other sizes and formats, as written."""


def find_image(place: ImagePlace, base: str) -> FoundImage | RejectedImage:
    """Returns the image that an element shows, or why it shows none.

    Args:
        place: The element.
        base: URL that references are resolved against.
    """
    attributes = place.attributes
    if not _SRCSETS.isdisjoint(attributes) and max(len(attributes.get(name) or "") for name in SRCSETS) > MAX_LENGTH:
        return RejectedImage("", RejectReason.TOO_COMPLEX, f"a srcset of more than {MAX_LENGTH} characters")
    reference, others = choose_source(attributes, place.sources)
    if reference is None:
        return RejectedImage("", RejectReason.NO_SOURCE, "no attribute names an image")
    if not _SIZES.isdisjoint(attributes):
        width, height = size_hints(attributes)
        if _is_pixel(width) or _is_pixel(height):
            return RejectedImage(reference[:300], RejectReason.PLACEHOLDER_IMAGE, f"stated size {width} x {height}")
    if is_data_uri(reference):
        return _find_embedded(reference, tuple(others))
    return _find_linked(reference, base, tuple(others))


def find_others(found: FoundImage, base: str) -> list[str]:
    """Returns the URLs of the same picture in other sizes and formats, as the element offers them."""
    if not found.others:
        return []
    urls = (_linked_url(reference, base) for reference in found.others if not is_data_uri(reference))
    return list(dict.fromkeys(url for url in urls if isinstance(url, str) and url != found.url))


def describe_image(
    place: ImagePlace, found: FoundImage, base: str, caption: str | None, near: str | None
) -> ImageSegment:
    """Returns the segment of an image: what the page says of it, each for itself."""
    attributes = place.attributes
    width, height = size_hints(attributes)
    return ImageSegment(
        url=found.url,
        alt=_text(attributes.get("alt")),
        title=_text(attributes.get("title")),
        caption=_text(caption),
        near=near,
        link=_link(place.link, base),
        width_hint=width,
        height_hint=height,
        image_id=found.image_id,
    )


def size_hints(attributes: Attributes) -> tuple[int | None, int | None]:
    """Returns width and height in CSS pixels as the element states them."""
    hints = {name: _length(attributes.get(name)) for name in ("width", "height")}
    style = attributes.get("style")
    if style and None in hints.values():
        for name, value in _STYLE_LENGTH.findall(style[:2000]):
            key = name.lower()
            hints[key] = hints[key] if hints[key] is not None else int(value)
    return hints["width"], hints["height"]


def _length(text: str | None) -> int | None:
    match = _LENGTH.match(text) if text else None
    return int(match[1]) if match else None


def _is_pixel(hint: int | None) -> bool:
    return hint is not None and hint <= 2


def _find_linked(reference: str, base: str, others: tuple[str, ...]) -> FoundImage | RejectedImage:
    if is_placeholder(reference):
        return RejectedImage(reference[:300], RejectReason.PLACEHOLDER_IMAGE, "named as a spacer")
    url = _linked_url(reference, base)
    return FoundImage(url, others=others) if isinstance(url, str) else url


def _linked_url(reference: str, base: str) -> str | RejectedImage:
    try:
        url = resolve(reference, base)
    except UrlError as error:
        return RejectedImage(reference[:300], RejectReason.BAD_URL, str(error))
    if not url.startswith(("http://", "https://")):
        return RejectedImage(reference[:300], RejectReason.UNSUPPORTED_SCHEME, url.partition(":")[0][:40])
    return url


def _find_embedded(uri: str, others: tuple[str, ...]) -> FoundImage | RejectedImage:
    shown = uri[:60]
    if decoded_size(uri) > MAX_BYTES:
        return RejectedImage(shown, RejectReason.DATA_URI_TOO_LARGE, f"about {decoded_size(uri)} bytes")
    if is_placeholder(uri):
        return RejectedImage(shown, RejectReason.PLACEHOLDER_IMAGE, "a spacer in a data: URI")
    try:
        media_type, data = decode_data_uri(uri)
    except DataUriError as error:
        return RejectedImage(shown, RejectReason.BAD_URL, str(error))
    if not media_type.startswith("image/"):
        return RejectedImage(shown, RejectReason.UNSUPPORTED_SCHEME, f"data: of type {media_type[:40]!r}")
    name = image_id(data)
    return FoundImage(f"data:{name}", name, Embedded(media_type, data), others)


def _text(value: str | None) -> str | None:
    return clean_line(value[:MAX_TEXT]) or None if value else None


def _link(reference: str | None, base: str) -> str | None:
    if not reference:
        return None
    try:
        url = resolve(reference.strip(), base)
    except UrlError:
        return None
    return url if url.startswith(("http://", "https://")) else None
