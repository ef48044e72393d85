"""Bytes of a page to text, in the order of the standards.

Byte order mark, HTTP header, ``<meta>`` in the first 1,024 bytes, detection
(https://html.spec.whatwg.org/#determining-the-character-encoding), with the labels and decoders of
https://encoding.spec.whatwg.org/. Where nothing is declared, valid UTF-8 is UTF-8, and the rest goes to a detector.
"""

import codecs
import re
import struct
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import webencodings
from resiliparse.parse.encoding import detect_encoding

PRESCAN_BYTES = 1024
DETECT_BYTES = 1 << 16
"""Bytes that the detector sees at most: it is linear, but not free."""

Source = Literal["bom", "header", "meta", "utf-8", "detected"]

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_HEADER_CHARSET = re.compile(r"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]*>", re.IGNORECASE)
_META_CHARSET = re.compile(rb"[\s/\"']charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"'>/]+))", re.IGNORECASE)
_META_CONTENT = re.compile(rb"[\s/\"']content\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_IS_CONTENT_TYPE = re.compile(rb"http-equiv\s*=\s*[\"']?\s*content-type", re.IGNORECASE)

# Nothing a page says may choose these: the standard decodes them to one U+FFFD, since they hide markup.
_REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPage:
    """A page's text and how its encoding was found."""

    utf8: bytes
    """The text, encoded for parsers that take bytes."""

    encoding: str
    """Name in the Encoding standard, lower case."""

    source: Source

    @property
    def text(self) -> str:
        """Returns the text, for parsers that take that."""
        return self.utf8.decode("utf-8")


def decode_page(body: bytes, content_type: str | None) -> DecodedPage:
    """Returns the text of a page; what its encoding cannot read becomes U+FFFD."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return _decoded(body[len(bom) :], name, "bom")
    declared = header_encoding(content_type)
    if declared:
        return _decoded(body, declared, "header")
    declared = meta_encoding(body)
    if declared:
        return _decoded(body, declared, "meta")
    if is_utf8(body):
        return DecodedPage(utf8=body, encoding="utf-8", source="utf-8")
    found = detect_encoding(body[:DETECT_BYTES], max_len=DETECT_BYTES)
    return _decoded(body, encoding_of_label(found or "") or "windows-1252", "detected")


def _decoded(body: bytes, name: str, source: Source) -> DecodedPage:
    is_text = name == "utf-8" and is_utf8(body)
    utf8 = body if is_text else decode(body, name).encode("utf-8", "replace")
    return DecodedPage(utf8=utf8, encoding=name, source=source)


def is_utf8(data: bytes) -> bool:
    """Returns whether bytes are UTF-8 without a fault: as Arrow sees it, which is faster than to decode them."""
    bounds = struct.pack("=2i", 0, len(data))
    array = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def encoding_of_label(label: str) -> str | None:
    """Returns the encoding that a label names in the standard's table, None for a label that is not in it."""
    found = webencodings.lookup(label)
    return None if found is None else found.name


def header_encoding(content_type: str | None) -> str | None:
    """Returns the encoding that a Content-Type header names, None where it names none that is known."""
    match = _HEADER_CHARSET.search(content_type or "")
    return encoding_of_label((match[1] or match[2] or match[3] or "").strip()) if match else None


def meta_encoding(body: bytes) -> str | None:
    """Returns the encoding that a ``<meta>`` in the first 1,024 bytes names.

    UTF-16 cannot be what a ``<meta>`` that was read byte by byte says, so it means UTF-8, as x-user-defined means
    windows-1252 (https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding).
    """
    head = body[:PRESCAN_BYTES]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    for tag in _META.findall(head):
        name = encoding_of_label(_meta_label(tag))
        if name:
            return {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}.get(name, name)
    return None


def _meta_label(tag: bytes) -> str:
    content = _META_CONTENT.search(tag)
    without = _META_CONTENT.sub(b"", tag)
    match = _META_CHARSET.search(without)
    if match:
        return (match[1] or match[2] or match[3] or b"").strip().decode("latin-1")
    if content and _IS_CONTENT_TYPE.search(tag):
        found = _HEADER_CHARSET.search((content[1] or content[2] or b"").decode("latin-1"))
        return (found[1] or found[2] or found[3] or "").strip() if found else ""
    return ""


def decode(body: bytes, name: str) -> str:
    """Returns ``body`` decoded as the encoding ``name`` of the standard."""
    if name == _REPLACEMENT:
        return "\ufffd" if body else ""
    if name == "utf-8":
        return body.decode("utf-8", "replace")
    text, _ = webencodings.lookup(name).codec_info.decode(body, "mm1-c1")
    return str(text)


def _keep_c1(error: UnicodeError) -> tuple[str, int]:
    """Reads what Python's single-byte tables leave open (0x81, 0x8D, ... in windows-1252) as the standard does."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    data = error.object[error.start : error.end]
    if error.encoding == "charmap" and all(0x80 <= byte <= 0x9F for byte in data):
        return data.decode("latin-1"), error.end
    return "\ufffd", error.end


codecs.register_error("mm1-c1", _keep_c1)
