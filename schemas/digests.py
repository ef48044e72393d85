"""Hashes that name things: stable across processes, machines and versions of Python.

All are blake2b (RFC 7693) with a personalisation string, so that the same text used as two kinds of id gives two
unrelated values; image ids are sha256 because that is what other tools and data sets publish.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence


def keyed_digest(purpose: str, *parts: str | bytes, size: int = 16) -> str:
    """Returns the hexadecimal blake2b digest of ``parts`` for one ``purpose``.

    Args:
        purpose: What the digest is for, at most 16 bytes; two purposes never collide.
        parts: Hashed in order, each with its length, so that ``("ab", "c")`` differs from ``("a", "bc")``.
        size: Digest size in bytes.
    """
    state = hashlib.blake2b(digest_size=size, person=purpose.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def keyed_bucket(purpose: str, key: str, num_buckets: int) -> int:
    """Returns a bucket in ``range(num_buckets)``, uniform over keys and independent of the engine."""
    return int(keyed_digest(purpose, key, size=8), 16) % num_buckets


def document_id(normalised_url: str) -> str:
    """Returns the id of the page at ``normalised_url``: 32 hexadecimal digits."""
    return keyed_digest("document", normalised_url)


def image_id(data: bytes) -> str:
    """Returns the id of an image: sha256 of its original bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: object) -> str:
    """Returns ``value`` as JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def json_digest(value: Mapping[str, object] | Sequence[object]) -> str:
    """Returns the digest of a JSON value, independent of the order of its keys."""
    return keyed_digest("json", canonical_json(value))
