"""The digest of pieces is that of their bytes in order, on whichever thread each was digested."""

import hashlib
import random
import threading

import pytest

from pipelines.runs.digest import LARGE_BYTES, Digest


def test_large_and_small_pieces_give_the_digest_of_all_bytes() -> None:
    rng, digest = random.Random(5), Digest()
    pieces = [rng.randbytes(rng.choice([0, 1, 700, LARGE_BYTES - 1, LARGE_BYTES, 3 * LARGE_BYTES])) for _ in range(40)]
    for number, piece in enumerate(pieces):
        digest.update(piece)
        if number % 7 == 0:
            assert digest.hexdigest() == hashlib.sha256(b"".join(pieces[: number + 1])).hexdigest()
    digest.end()

    assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("kind", [bytearray, lambda data: memoryview(bytearray(data))], ids=["bytearray", "view"])
def test_a_buffer_may_be_filled_anew_at_once(kind: type[bytearray]) -> None:
    digest, buffer = Digest(), kind(b"a" * LARGE_BYTES)
    digest.update(buffer)
    buffer[:] = b"b" * LARGE_BYTES
    digest.update(buffer)

    assert digest.hexdigest() == hashlib.sha256(b"a" * LARGE_BYTES + b"b" * LARGE_BYTES).hexdigest()


def test_the_thread_ends_with_the_digest() -> None:
    digest = Digest()
    digest.update(bytes(LARGE_BYTES))
    assert any(thread.name.startswith("sha256") for thread in threading.enumerate())
    digest.end()

    assert not any(thread.name.startswith("sha256") for thread in threading.enumerate())
