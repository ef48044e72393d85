"""Signatures against true Jaccard similarities, and against datasketch used plainly."""

import random

import numpy as np
import pytest
from datasketch import MinHash

from pipelines.dedup.documents.minhash import (
    NUM_PERM,
    SCHEME,
    SEED,
    Signer,
    _hash32,
    band_keys,
    band_shape,
    shingles,
    similarity,
)


def text(rng: random.Random, words: int = 300) -> list[str]:
    return [f"w{rng.randrange(5000)}" for _ in range(words)]


def true_jaccard(left: str, right: str) -> float:
    a, b = set(shingles(left)), set(shingles(right))
    return len(a & b) / len(a | b)


def test_the_estimate_has_the_error_that_theory_says() -> None:
    rng, signer, errors = random.Random(1), Signer(), []
    for _ in range(100):
        words = text(rng)
        other = [word if rng.random() > 0.03 else "other" for word in words]
        left, right = " ".join(words), " ".join(other)
        signatures = [signer.signature(left), signer.signature(right)]
        assert signatures[0] is not None
        assert signatures[1] is not None
        errors.append(similarity(signatures[0], signatures[1]) - true_jaccard(left, right))

    # Standard error sqrt(J(1-J)/128), at most 0.044 (Broder 1997).
    assert abs(np.mean(errors)) < 0.015
    assert np.sqrt(np.mean(np.square(errors))) < 0.05


def test_a_signature_is_that_of_datasketch() -> None:
    sketch = MinHash(num_perm=NUM_PERM, seed=SEED, hashfunc=_hash32, scheme=SCHEME)
    words = "a b c d e f g h i j"
    for shingle in shingles(words):
        sketch.update(shingle)

    assert Signer().signature(words) == np.asarray(sketch.hashvalues, dtype="<u4").tobytes()


def test_letter_case_and_white_space_change_nothing() -> None:
    assert Signer().signature("One two  three\nfour FIVE six") == Signer().signature("one two three four five SIX")


def test_a_text_of_fewer_words_than_a_shingle_has_no_signature() -> None:
    assert Signer().signature("only four words here") is None
    assert Signer().signature("") is None


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.9])
def test_a_pair_at_the_threshold_shares_a_band_nearly_always(jaccard: float) -> None:
    bands, width = band_shape(jaccard)

    assert bands * width <= NUM_PERM
    assert 1 - (1 - jaccard**width) ** bands > 0.95


def test_equal_signatures_share_all_bands_and_unlike_ones_none() -> None:
    signer, rng = Signer(), random.Random(2)
    left, right = (signer.signature(" ".join(text(rng))) for _ in range(2))
    assert left is not None
    assert right is not None

    assert len(set(band_keys(left, 0.8))) == band_shape(0.8)[0]
    assert set(band_keys(left, 0.8)) & set(band_keys(right, 0.8)) == set()


def test_a_signature_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="512 bytes, got 3"):
        similarity(b"abc", b"abc")
