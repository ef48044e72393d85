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

BUFFER_BYTES = 1 << 19
"""Samples are handed on in pieces of about this size: few writes and digest calls, and small enough that the allocator
keeps the memory of a piece for the next. Of pieces of 4 MiB every page is asked of the system anew (3 times the system
time)."""

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
    """A tar under construction: a context manager, with ``add`` for each sample.

    Samples go to the sink in large pieces; ``storage.publish`` digests one on a thread while the next is laid out.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._offset = 0

    def __enter__(self) -> "SampleTar":
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is None:
            self._chunks.append(END)
            self._flush()

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
        return self._append(parts)

    def add_stored(self, sample: bytes) -> tuple[int, int, int]:
        """Appends a sample that is already laid out as members, headers and padding; returns what ``add`` does."""
        return self._append([sample])

    def _append(self, parts: list[bytes]) -> tuple[int, int, int]:
        crc = length = 0
        for part in parts:
            crc = google_crc32c.extend(crc, part)
            length += len(part)
        offset = self._offset
        self._chunks += parts
        self._offset += length
        self._buffered += length
        if self._buffered >= BUFFER_BYTES:
            self._flush()
        return offset, length, crc

    def _flush(self) -> None:
        self._sink.write(b"".join(self._chunks))
        self._chunks, self._buffered = [], 0
