"""Random numbers that depend on a seed and a place, never on the order of the work."""

import hashlib
from random import Random


def keyed_digest(seed: int, *place: str | int) -> bytes:
    """Returns 16 bytes that depend on ``seed`` and every part of ``place`` (BLAKE2b, RFC 7693)."""
    text = "\x1f".join(str(part) for part in place)
    key = seed.to_bytes(16, "big", signed=True)
    return hashlib.blake2b(text.encode(), digest_size=16, key=key).digest()


def keyed_random(seed: int, *place: str | int) -> Random:
    """Returns a generator of its own for ``place``, such as ``("page", 12)``."""
    return Random(int.from_bytes(keyed_digest(seed, *place), "big"))
