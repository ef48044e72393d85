"""Writes samples into an uncompressed tar, with the bytes fixed by the content (POSIX ustar, IEEE Std 1003.1-1988).

Every header has the same mode, owner and time, so equal samples in equal order are equal files. A header is made of
a template, a name and a size: only their digits enter the checksum anew.
"""

from collections.abc import Sequence
from typing import Protocol

import google_crc32c

BLOCK = 512
END = b"\0" * (2 * BLOCK)
"""Two blocks of zeros end a tar."""

MAX_NAME = 100
MAX_SIZE = 8**11

BUFFER_BYTES = 1 << 22
"""Samples are handed on in pieces of about this size: few large writes, and one digest call for each."""

_MIDDLE = b"0000644\0" + b"0000000\0" + b"0000000\0"  # mode, owner, group
_AFTER_SIZE = b"00000000000\0"  # time
_TAIL = b"0" + b"\0" * 100 + b"ustar\x0000" + b"\0" * 247  # type, link name, magic and version, the rest
_FIXED_SUM = sum(_MIDDLE) + sum(_AFTER_SIZE) + sum(_TAIL) + 8 * ord(" ")
_PADDING = [b"\0" * (-length % BLOCK) for length in range(BLOCK)]


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes) -> int:
        """Takes all of ``data``."""
        ...


def header(name: bytes, size: int) -> bytes:
    """Returns the 512 bytes before the content of a regular file.

    Raises:
        ValueError: The name has more than 100 bytes, or the content 8 GiB.
    """
    if len(name) > MAX_NAME or size >= MAX_SIZE:
        raise ValueError(f"tar member {name!r} of {size} bytes does not fit a ustar header")
    digits = b"%011o\0" % size
    checksum = _FIXED_SUM + sum(name) + sum(digits)
    return b"%s%s%s%s%06o\0 %s" % (name.ljust(100, b"\0"), _MIDDLE, digits, _AFTER_SIZE, checksum, _TAIL)


class SampleTar:
    """A tar under construction: call ``add`` for each sample, then ``close``."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._offset = 0

    def add(self, members: Sequence[tuple[bytes, bytes]]) -> tuple[int, int, int]:
        """Appends the members of one sample.

        Args:
            members: ``(name, content)`` in order.

        Returns:
            Offset and length of the sample in the tar, and the CRC-32C (RFC 3720) of these bytes.
        """
        parts: list[bytes] = []
        for name, data in members:
            parts += (header(name, len(data)), data, _PADDING[len(data) % BLOCK])
        return self.add_stored(b"".join(parts))

    def add_stored(self, sample: bytes) -> tuple[int, int, int]:
        """Appends a sample that is already laid out as members, headers and padding; returns what ``add`` does."""
        offset, length = self._offset, len(sample)
        self._chunks.append(sample)
        self._offset += length
        self._buffered += length
        if self._buffered >= BUFFER_BYTES:
            self._flush()
        return offset, length, google_crc32c.value(sample)

    def close(self) -> None:
        """Writes the end of the archive."""
        self._chunks.append(END)
        self._flush()

    def _flush(self) -> None:
        self._sink.write(b"".join(self._chunks))
        self._chunks, self._buffered = [], 0
