"""Images of ``style`` attributes: backgrounds, and the best of an ``image-set()`` (CSS Images 4, section 2.4)."""

import re

MAX_STYLE = 20_000
"""Characters of a ``style`` attribute that are looked at."""

_URL = re.compile(r"url\(\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"')]+))\s*\)", re.IGNORECASE)
_SET = re.compile(r"image-set\(", re.IGNORECASE)
_CANDIDATE = re.compile(
    r"(?:url\(\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"')]+))\s*\)|\"([^\"]*)\"|'([^']*)')\s*(?:([0-9.]+)(x|dppx|dpi))?",
    re.IGNORECASE,
)


def css_image(style: str) -> str | None:
    """Returns the image that a ``style`` attribute shows: of an ``image-set`` the one of highest resolution."""
    style = style[:MAX_STYLE]
    if "url(" not in style.lower() and "image-set(" not in style.lower():
        return None
    start = _SET.search(style)
    if start is not None:
        found = [(_resolution(match), _first(match.groups()[:5])) for match in _CANDIDATE.finditer(style, start.end())]
        return max(found, key=lambda pair: pair[0])[1] if found else None
    match = _URL.search(style)
    return _first(match.groups()) if match else None


def _first(groups: tuple[str | None, ...]) -> str:
    return next(group for group in groups if group is not None)


def _resolution(match: re.Match[str]) -> float:
    value, unit = match[6], (match[7] or "").lower()
    if not value or value.count(".") > 1 or value == ".":
        return 1.0
    return float(value) / (96 if unit == "dpi" else 1)
