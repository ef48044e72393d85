"""The inflater finds in whole and in damaged data what zlib finds: the same bytes, the same error."""

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.inputs.inflate import InflateError, start_inflating

TEXT = b" ".join(b"%d bottles of beer on the wall," % number for number in range(900, 0, -1))


def inflated(
    start: Callable[[int], Any], error_type: type[Exception], window_bits: int, data: bytes
) -> tuple[bytes, str | bytes]:
    """Returns what comes out, and the error or what is left over."""
    inflater, found = start(window_bits), b""
    try:
        while data and not inflater.eof:
            piece, data = data[:500], data[500:]
            while piece and not inflater.eof:
                found += inflater.decompress(piece, 3000)
                piece = inflater.unconsumed_tail
    except error_type as error:
        return found, str(error)
    return found, inflater.unused_data


def damage(data: bytes, generator: random.Random) -> bytes:
    """Returns the data with a bit flipped, some bytes left out, or some put in, mostly near its beginning."""
    place = generator.randrange(min(len(data), generator.choice((20, 300, len(data)))))
    flipped = bytes([data[place] ^ 1 << generator.randrange(8)])
    middle = generator.choice((flipped, b"", data[place : place + 1] + generator.randbytes(3)))
    return data[:place] + middle + data[place + 1 :]


@pytest.mark.parametrize("level", [0, 1, 9])
def test_data_are_inflated_and_refused_as_by_zlib(level: int) -> None:
    generator = random.Random(level)
    whole = [
        (31, gzip.compress(TEXT, level, mtime=0)),
        (15, zlib.compress(TEXT, level)),
        (-15, zlib.compress(TEXT)[2:]),
    ]
    errors = set()
    for bits, data in whole:
        assert inflated(start_inflating, InflateError, bits, data)[0] == TEXT
        for _ in range(400):
            damaged = damage(data, generator) + b"of the next"
            expected = inflated(zlib.decompressobj, zlib.error, bits, damaged)
            errors.add(expected[1])
            assert inflated(start_inflating, InflateError, bits, damaged) == expected

    assert len(errors) > 5
