"""Inflates by zlib-ng, which takes half the time of zlib, and finds in damaged data what zlib finds, in its words."""

from typing import Any

from zlib_ng import zlib_ng

GZIP_BITS = 31
"""Window bits of gzip members (RFC 1952); 15 are those of zlib data (RFC 1950), -15 those of raw deflate (RFC 1951)."""

InflateError: Any = zlib_ng.error
"""The data are damaged. The library's stub names an instance where the class is."""


def start_inflating(window_bits: int) -> Any:
    """Returns a decompressor with the interface of ``zlib.decompressobj``."""
    return zlib_ng.decompressobj(window_bits)
