"""The HTTP response inside a WARC record: status, headers, and the body as the server meant it."""

from dataclasses import dataclass

import brotli
import zstandard

from pipelines.inputs.inflate import GZIP_BITS, InflateError, start_inflating
from schemas.rejections import RejectReason

MAX_HEADER_BYTES = 1 << 16
"""Bytes of an HTTP header block that are read; servers and browsers stop far earlier."""

PIECE = 1 << 14


class PayloadError(ValueError):
    """A response cannot be read; ``reason`` says how it is counted."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response as archived."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of a repeated header the first value."""

    body: bytes
    """As archived: transfer and content codings still on it."""


def parse_response(block: bytes) -> HttpResponse:
    """Returns the response in the block of a ``response`` record.

    Raises:
        PayloadError: There is no HTTP header (RFC 9112, section 2.1), or it is too long.
    """
    head_end, body_start = _header_end(block)
    lines = block[:head_end].decode("latin-1").splitlines()
    parts = lines[0].split(None, 2) if lines else []
    if len(parts) < 2 or not parts[0].upper().startswith("HTTP/") or not parts[1].isdecimal():
        raise PayloadError(RejectReason.DAMAGED, f"no HTTP status line, but {block[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return HttpResponse(status=int(parts[1][:3]), headers=headers, body=block[body_start:])


def decode_body(response: HttpResponse, max_bytes: int) -> bytes:
    """Returns the body with transfer and content codings taken off.

    Archives hold bodies whose codings were already taken off while the header still names them: a coding that the bytes
    plainly do not have is passed over.

    Raises:
        PayloadError: Too long when decoded, cut, damaged, or of an unknown coding.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = join_chunks(body)
    codings = [c.strip().lower() for c in response.headers.get("content-encoding", "").split(",") if c.strip()]
    for coding in reversed(codings):
        body = _decode_coding(body, coding, max_bytes)
    if len(body) > max_bytes:
        raise PayloadError(RejectReason.PAGE_TOO_LARGE, f"{len(body)} bytes, at most {max_bytes} are read")
    return body


def join_chunks(body: bytes) -> bytes:
    """Returns a chunked body (RFC 9112, section 7.1) joined, as far as its chunk sizes hold.

    A body that does not begin with a chunk size was joined before it was archived and is returned as it is.
    """
    pieces: list[bytes] = []
    position = 0
    while True:
        line_end = body.find(b"\n", position, position + 1024)
        size = _chunk_size(body[position:line_end]) if line_end >= 0 else None
        if size is None:
            return b"".join(pieces) + body[position:] if pieces else body
        if size == 0:
            return b"".join(pieces)
        start = line_end + 1
        pieces.append(body[start : start + size])
        position = start + size
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        if position >= len(body):
            return b"".join(pieces)


def _chunk_size(line: bytes) -> int | None:
    digits = line.split(b";", 1)[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


def _header_end(block: bytes) -> tuple[int, int]:
    end = block.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    # Two line feeds count where they come first, and are looked for no further.
    bare_end = block.find(b"\n\n", 0, end + 1 if end >= 0 else MAX_HEADER_BYTES)
    if bare_end >= 0:
        return bare_end, bare_end + 2
    if end >= 0:
        return end, end + 4
    if len(block) > MAX_HEADER_BYTES:
        raise PayloadError(RejectReason.DAMAGED, f"no end of the HTTP header in {MAX_HEADER_BYTES} bytes")
    return len(block), len(block)


def _decode_coding(body: bytes, coding: str, max_bytes: int) -> bytes:
    if coding in ("identity", "none", "utf-8", ""):
        return body
    if coding in ("gzip", "x-gzip"):
        return _inflate(body, GZIP_BITS, max_bytes) if body[:2] == b"\x1f\x8b" else body
    if coding == "deflate":
        return _inflate_deflate(body, max_bytes)
    if coding == "br":
        return _decode_brotli(body, max_bytes)
    if coding == "zstd":
        return _decode_zstd(body, max_bytes) if body[:4] == b"\x28\xb5\x2f\xfd" else body
    raise PayloadError(RejectReason.UNSUPPORTED_ENCODING, f"content coding {coding[:40]!r} is not known")


def _too_large(max_bytes: int) -> PayloadError:
    return PayloadError(RejectReason.DECOMPRESSION_LIMIT, f"inflates to more than {max_bytes} bytes")


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    inflater = start_inflating(window_bits)
    try:
        data: bytes = inflater.decompress(body, max_bytes + 1)
    except InflateError as error:
        raise PayloadError(RejectReason.DAMAGED, f"compressed body: {error}") from error
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    if not inflater.eof:
        raise PayloadError(RejectReason.TRUNCATED, "the compressed body is cut")
    return data


def _inflate_deflate(body: bytes, max_bytes: int) -> bytes:
    # RFC 9110, section 8.4.1.2: zlib data; some servers send them without the zlib header.
    for window_bits in (15, -15):
        try:
            return _inflate(body, window_bits, max_bytes)
        except PayloadError as error:
            if error.reason is not RejectReason.DAMAGED:
                raise
    return body


def _decode_brotli(body: bytes, max_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    pieces: list[bytes] = []
    n_bytes = 0
    try:
        for start in range(0, len(body), PIECE):
            data = decoder.process(body[start : start + PIECE], output_buffer_limit=max_bytes)
            while data or not decoder.can_accept_more_data():
                n_bytes += len(data)
                if n_bytes > max_bytes:
                    raise _too_large(max_bytes)
                pieces.append(data)
                data = decoder.process(b"", output_buffer_limit=max_bytes)
    except brotli.error:
        # A body that is not Brotli at all was decoded before it was archived.
        if not pieces and _looks_like_text(body):
            return body
        raise PayloadError(RejectReason.DAMAGED, "the Brotli body is damaged") from None
    if not decoder.is_finished():
        if _looks_like_text(body):
            return body
        raise PayloadError(RejectReason.TRUNCATED, "the Brotli body is cut")
    return b"".join(pieces)


def _decode_zstd(body: bytes, max_bytes: int) -> bytes:
    frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    pieces: list[bytes] = []
    n_bytes = 0
    try:
        for start in range(0, len(body), 1024):
            data = frame.decompress(body[start : start + 1024])
            n_bytes += len(data)
            if n_bytes > max_bytes:
                raise _too_large(max_bytes)
            pieces.append(data)
            if frame.eof:
                return b"".join(pieces)
    except zstandard.ZstdError as error:
        raise PayloadError(RejectReason.DAMAGED, f"compressed body: {error}") from error
    raise PayloadError(RejectReason.TRUNCATED, "the compressed body is cut")


def _looks_like_text(body: bytes) -> bool:
    head = body[:512].lstrip()
    return head.startswith(b"<") and b"\0" not in head
