"""MinHash signatures of texts (Broder 1997) and their bands (Leskovec, Rajaraman and Ullman, MMDS, section 3.4).

Signatures and the choice of bands are datasketch's; 128 permutations estimate a Jaccard similarity with a standard
error of at most 0.044.
"""

import functools
from collections.abc import Iterator

import numpy as np
import xxhash
from numpy.typing import NDArray

NUM_PERM = 128
SEED = 1
SCHEME = "affine32"
ERROR_WEIGHTS = (0.02, 0.98)
"""What a false candidate and a missed pair weigh where the shape of the bands is chosen."""

WORDS_PER_SHINGLE = 5
"""OBELICS A.1.1 compares 5-grams of words; GPT-3 and MassiveText use the like."""


class Signer:
    """Makes signatures. The permutations are made once and shared."""

    def __init__(self) -> None:
        # Here and not above: it takes a second, of a launcher too, which makes no signature.
        from datasketch import MinHash

        self._empty = MinHash(num_perm=NUM_PERM, seed=SEED, hashfunc=_hash32, scheme=SCHEME)

    def signature(self, text: str) -> bytes | None:
        """Returns the signature of a text as 128 uint32, little endian; None for a text of fewer than 5 words."""
        found = shingles(text)
        if not found:
            return None
        sketch = self._empty.copy()
        sketch.update_batch(found)
        return bytes(np.asarray(sketch.hashvalues, dtype="<u4").tobytes())


def shingles(text: str) -> list[bytes]:
    """Returns the distinct word 5-grams of a text, in order of appearance, folded to lower case."""
    words = text.casefold().split()
    grams = zip(*(words[start:] for start in range(WORDS_PER_SHINGLE)), strict=False)
    return [" ".join(gram).encode("utf-8", "surrogatepass") for gram in dict.fromkeys(grams)]


def similarity(left: bytes, right: bytes) -> float:
    """Returns the estimated Jaccard similarity of two signatures, in [0, 1]."""
    return float(np.mean(signature_values(left) == signature_values(right)))


@functools.cache
def band_shape(jaccard: float) -> tuple[int, int]:
    """Returns ``(number of bands, values in a band)``: few misses above a threshold, at the price of more candidates.

    Candidates are compared by their signatures, so a false one costs time and a missed one is never found again: at
    0.8 a pair of exactly that similarity is a candidate with probability 0.98.
    """
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=jaccard, num_perm=NUM_PERM, weights=ERROR_WEIGHTS)
    return int(index.b), int(index.r)


def band_keys(signature: bytes | None, jaccard: float) -> Iterator[str]:
    """Yields a key for each band of a signature: similar texts share one with high probability."""
    if signature is None:
        return
    count, width = band_shape(jaccard)
    for band in range(count):
        values = signature[4 * band * width : 4 * (band + 1) * width]
        yield f"{band}.{xxhash.xxh3_128_hexdigest(values)}"


def signature_values(signature: bytes | None) -> NDArray[np.uint32]:
    """Returns the values of a signature.

    Raises:
        ValueError: There is none, or it has another length.
    """
    if signature is None or len(signature) != 4 * NUM_PERM:
        raise ValueError(f"a signature has {4 * NUM_PERM} bytes, got {None if signature is None else len(signature)}")
    return np.frombuffer(signature, dtype="<u4")


def _hash32(data: bytes) -> int:
    return xxhash.xxh3_64_intdigest(data) & 0xFFFFFFFF
