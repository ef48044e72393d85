"""Compressed archives read member by member, so that a damaged member costs itself alone.

A WARC is compressed record by record (ISO 28500:2017, annex D): a file of gzip members (RFC 1952), or of Zstandard
frames (RFC 8878), each of which can be read without the ones before it. Readers that decompress the file as one stream
lose all that follows a damaged byte; here the next member is looked for instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import zstandard

from pipelines.inputs.inflate import GZIP_BITS, InflateError, start_inflating

READ_BYTES = 1 << 20
"""Compressed bytes asked of the file at one time."""

FEED_BYTES = 1 << 16
"""Compressed bytes given to the decompressor at one time: what it leaves unused is copied, so keep it small."""

INFLATE_BYTES = 1 << 18
"""Inflated bytes taken at one time, however well the input compresses: bounds memory on bombs."""

PROBE_BYTES = 1 << 12
"""Compressed bytes that must suffice to tell what a member begins with."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_WINDOW = 1 << 27
"""Largest window of a frame, 128 MiB: what ``zstd --long`` makes, and a bound on memory."""

ZSTD_PIECE = 1 << 10


class DamagedMemberError(ValueError):
    """A member cannot be inflated: its data are wrong, or the file ends inside it."""

    def __init__(self, message: str, *, is_cut: bool = False) -> None:
        super().__init__(message)
        self.is_cut = is_cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How members of one compression are recognised and inflated."""

    name: str
    magic: bytes
    start: Callable[[], Any]
    """Gives a decompressor with ``decompress(data, max_length)``, ``unconsumed_tail``, ``unused_data`` and ``eof``."""

    errors: tuple[type[Exception], ...]


class _ZstdInflater:
    """A Zstandard frame behind the interface of ``zlib.decompressobj``."""

    def __init__(self, dictionary: zstandard.ZstdCompressionDict | None) -> None:
        decompressor = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=ZSTD_WINDOW)
        self._frame = decompressor.decompressobj()
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        # The library inflates all that it is given, so it is given little.
        piece, self.unconsumed_tail = data[:ZSTD_PIECE], data[ZSTD_PIECE:]
        return bytes(self._frame.decompress(piece))

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data) + self.unconsumed_tail


GZIP = Codec(name="gzip", magic=b"\x1f\x8b\x08", start=lambda: start_inflating(GZIP_BITS), errors=(InflateError,))


def zstd_codec(dictionary: bytes | None = None) -> Codec:
    """Returns the codec of Zstandard frames that were compressed with ``dictionary``, or without one."""
    trained = None if dictionary is None else zstandard.ZstdCompressionDict(dictionary)
    return Codec(name="zstd", magic=ZSTD_MAGIC, start=lambda: _ZstdInflater(trained), errors=(zstandard.ZstdError,))


class Window:
    """A file seen through a moving window of bytes; positions are absolute, nothing past ``size`` is read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._start = 0
        self._data = b""

    def bytes_at(self, position: int, length: int) -> bytes:
        """Returns up to ``length`` bytes at ``position``: fewer at the end of the file."""
        length = max(0, min(length, self.size - position))
        offset = position - self._start
        if offset < 0 or offset + length > len(self._data):
            self._file.seek(position)
            self._data = self._read(max(length, min(READ_BYTES, self.size - position)))
            self._start, offset = position, 0
        return self._data[offset : offset + length]

    def find(self, pattern: bytes, position: int) -> int:
        """Returns where ``pattern`` is first found at or after ``position``, -1 where it is not."""
        while position < self.size:
            chunk = self.bytes_at(position, READ_BYTES)
            found = chunk.find(pattern)
            if found >= 0:
                return position + found
            if len(chunk) < len(pattern) or position + len(chunk) >= self.size:
                return -1
            position += len(chunk) - len(pattern) + 1
        return -1

    def _read(self, length: int) -> bytes:
        pieces = []
        while length > 0:
            piece = self._file.read(length)
            if not piece:
                break
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)


class MemberStream:
    """The inflated bytes of one member, taken in order, with a buffer to look ahead."""

    def __init__(self, window: Window, offset: int, codec: Codec) -> None:
        self._window, self._codec = window, codec
        self._inflater = codec.start()
        self._position = offset
        self._pending = b""
        self._buffer = bytearray()
        self.offset = offset
        self.consumed = 0
        """Inflated bytes taken so far."""

    @property
    def end(self) -> int:
        """Position in the file after the member, once it is at its end."""
        return self._position - len(self._inflater.unused_data)

    def peek(self, length: int) -> bytes:
        """Returns up to ``length`` bytes without taking them.

        Raises:
            DamagedMemberError: The member cannot be inflated so far.
        """
        while len(self._buffer) < length and not self._inflater.eof:
            self._buffer += self._inflate()
        with memoryview(self._buffer) as view:
            return bytes(view[:length])

    def take(self, length: int) -> bytes:
        """Takes up to ``length`` bytes; fewer at the member's end."""
        data = self.peek(length)
        del self._buffer[: len(data)]
        self.consumed += len(data)
        return data

    def skip(self, length: int) -> int:
        """Passes over up to ``length`` bytes in bounded memory and returns how many there were."""
        skipped = 0
        while skipped < length:
            taken = len(self.take(min(INFLATE_BYTES, length - skipped)))
            if not taken:
                break
            skipped += taken
        return skipped

    def is_at_end(self) -> bool:
        """Returns whether no byte is left."""
        return not self.peek(1)

    def _inflate(self) -> bytes:
        data = self._pending
        if not data:
            data = self._window.bytes_at(self._position, FEED_BYTES)
            self._position += len(data)
        if not data:
            raise DamagedMemberError("the file ends inside a compressed member", is_cut=True)
        try:
            inflated: bytes = self._inflater.decompress(data, INFLATE_BYTES)
        except self._codec.errors as error:
            raise DamagedMemberError(f"{self._codec.name}: {error}") from error
        self._pending = b"" if self._inflater.eof else self._inflater.unconsumed_tail
        return inflated


def is_member_start(window: Window, position: int, codec: Codec, prefixes: tuple[bytes, ...]) -> bool:
    """Returns whether a member begins at ``position`` whose content begins with one of ``prefixes``."""
    if window.bytes_at(position, len(codec.magic)) != codec.magic:
        return False
    inflater, data, head = codec.start(), window.bytes_at(position, PROBE_BYTES), b""
    length = max(map(len, prefixes))
    while data and len(head) < length and not inflater.eof:
        try:
            head += inflater.decompress(data, length)
        except codec.errors:
            return False
        data = inflater.unconsumed_tail
    return head.startswith(prefixes)


def find_member(window: Window, position: int, codec: Codec, prefixes: tuple[bytes, ...]) -> int:
    """Returns where the next readable member begins, at or after ``position``; the file's size where there is none."""
    while True:
        position = window.find(codec.magic, position)
        if position < 0:
            return window.size
        if is_member_start(window, position, codec, prefixes):
            return position
        position += 1
