"""``data:`` URIs (RFC 2397, and https://fetch.spec.whatwg.org/#data-urls)."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

MAX_BYTES = 2_000_000
"""Of one decoded image: larger ones are refused, they would not have been typed by a person."""

_HEAD = re.compile(r"data:([^,]*),", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[\s]+")


class DataUriError(ValueError):
    """Not a ``data:`` URI that can be decoded."""


def is_data_uri(url: str) -> bool:
    """Returns whether a reference is a ``data:`` URI."""
    return url[:5].lower() == "data:"


def decoded_size(uri: str) -> int:
    """Returns about how many bytes a ``data:`` URI holds, without decoding it."""
    head, _, body = uri.partition(",")
    return len(body) * 3 // 4 if head.rstrip().lower().endswith("base64") else len(body)


def decode_data_uri(uri: str) -> tuple[str, bytes]:
    """Returns the media type (lower case, without parameters) and the bytes.

    Raises:
        DataUriError: It has no comma, or its base64 is wrong.
    """
    match = _HEAD.match(uri)
    if match is None:
        raise DataUriError(f"no comma in {uri[:40]!r}")
    parameters = [part.strip().lower() for part in match[1].split(";")]
    media_type = parameters[0] or "text/plain"
    body = unquote_to_bytes(uri[match.end() :])
    if parameters[-1] != "base64":
        return media_type, body
    text = _NOT_BASE64.sub("", body.decode("latin-1"))
    try:
        return media_type, base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataUriError(f"wrong base64 in {uri[:40]!r}: {error}") from error
