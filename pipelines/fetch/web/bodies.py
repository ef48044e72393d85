"""Content codings of answers, taken off by ourselves in one place, with a cap on what comes out.

Images are asked for as they are (``Accept-Encoding: identity``); servers that compress all the same are understood
where they use gzip or deflate (RFC 9110, section 8.4.1).
"""

import zlib

from pipelines.fetch.web.errors import FetchError
from schemas.rejections import RejectReason

MAX_CODINGS = 2
MAX_MEMBERS = 1_000
"""Members of one gzip body: a single one is usual."""

_GZIP_MAGIC = b"\x1f\x8b"


def decode_body(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Returns a body with its codings taken off.

    A body that says gzip and does not begin like it is taken as it is: many servers mark stored files so.

    Raises:
        FetchError: A coding is unknown or damaged, there are too many, or more than ``max_bytes`` come out.
    """
    codings = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    codings = [name for name in codings if name != "identity"]
    if len(codings) > MAX_CODINGS:
        raise FetchError(RejectReason.UNSUPPORTED_ENCODING, f"{len(codings)} content codings, one is usual")
    for name in reversed(codings):
        if name in {"gzip", "x-gzip"}:
            body = _gunzip(body, max_bytes) if body.startswith(_GZIP_MAGIC) else body
        elif name == "deflate":
            body = _inflate(body, max_bytes)
        else:
            raise FetchError(RejectReason.UNSUPPORTED_ENCODING, f"content coding {name[:40]!r} was not asked for")
    return body


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = max_bytes
    rest = body
    for _ in range(MAX_MEMBERS):
        data, rest = _one_stream(rest, zlib.MAX_WBITS | 16, left)
        pieces.append(data)
        left -= len(data)
        if not rest.startswith(_GZIP_MAGIC):
            # What stands after the last member is ignored, as gzip itself does with padding.
            return b"".join(pieces)
    raise FetchError(RejectReason.DECOMPRESSION_LIMIT, f"over {MAX_MEMBERS} gzip members")


def _inflate(body: bytes, max_bytes: int) -> bytes:
    # The standard means zlib data; some servers send raw deflate.
    is_zlib = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _one_stream(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, max_bytes)[0]


def _one_stream(body: bytes, window_bits: int, max_bytes: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(window_bits)
    try:
        data = inflater.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise FetchError(RejectReason.UNSUPPORTED_ENCODING, f"the compressed body is damaged: {error}") from error
    if len(data) > max_bytes:
        raise FetchError(RejectReason.DECOMPRESSION_LIMIT, f"inflates to more than {max_bytes} bytes")
    if not inflater.eof:
        raise FetchError(RejectReason.UNSUPPORTED_ENCODING, "the compressed body is cut")
    return data, inflater.unused_data
