"""Which document of a group stays."""

import random

import numpy as np
import pytest

from pipelines.dedup.documents.keep import (
    BY_URL,
    MAX_LEADERS,
    RULES,
    DocumentKey,
    Fate,
    Rule,
    best_first,
    first_fates,
    keep_best,
    name_the_best,
    near_duplicates,
)
from pipelines.dedup.documents.minhash import NUM_PERM
from schemas.rejections import RejectReason


def key(name: str, *, time: str = "", url: str = "u", signature: bytes | None = None) -> DocumentKey:
    return DocumentKey(occurrence=name, part=0, crawl_time=time, value=url, signature=signature)


def signature(rng: np.random.Generator) -> bytes:
    return rng.integers(0, 2**32, NUM_PERM, dtype=np.uint32).tobytes()


def changed(original: bytes, n: int) -> bytes:
    values = np.frombuffer(original, dtype=np.uint32).copy()
    values[:n] += 1
    return values.tobytes()


def gone(documents: list[DocumentKey]) -> list[tuple[str, str]]:
    fates = keep_best(documents, BY_URL)
    return [(fate.occurrence, fate.of) for fate in fates if isinstance(fate, Fate)]


def test_the_latest_comes_first_then_the_smallest_name_then_what_has_no_time() -> None:
    documents = [key("d"), key("c", time="2023"), key("b", time="2024"), key("a", time="2024"), key("e")]

    assert [document.occurrence for document in best_first(documents)] == ["a", "b", "c", "d", "e"]


def test_the_order_of_the_documents_changes_nothing() -> None:
    documents = [key(str(n), time=str(n % 3), url=str(n % 4)) for n in range(20)]
    rng, expected = random.Random(1), gone(documents)
    for _ in range(20):
        rng.shuffle(documents)

        assert gone(documents) == expected


def test_near_duplicates_are_those_over_the_threshold() -> None:
    rng = np.random.default_rng(1)
    first = signature(rng)
    documents = [
        key("a", time="9", signature=first),
        key("b", time="8", signature=changed(first, 12)),
        key("c", time="7", signature=changed(first, 40)),
        key("d", time="6", signature=signature(rng)),
    ]

    _, fates = near_duplicates(documents, 0.8)

    assert [(fate.occurrence, fate.of, fate.similarity) for fate in fates] == [("b", "a", -116 / 128)]


def test_a_document_like_one_that_goes_stays_unless_it_is_like_one_that_stays() -> None:
    first = signature(np.random.default_rng(2))
    middle, last = changed(first, 20), changed(first, 40)
    documents = [
        key("a", time="9", signature=first),
        key("b", time="8", signature=middle),
        key("c", time="7", signature=last),
    ]

    # b is like a, and c is like b but not like a.
    assert [fate.occurrence for fate in near_duplicates(documents, 0.8)[1]] == ["b"]


def test_texts_that_share_a_band_by_design_cost_bounded_time() -> None:
    rng = np.random.default_rng(3)
    documents = [key(f"{n:05d}", signature=signature(rng)) for n in range(20_000)]
    last = key("99999", signature=changed(documents[MAX_LEADERS].signature or b"", 1))

    # Only the first 64 are compared with: the last repeats the 65th and is not found.
    assert near_duplicates([*documents, last], 0.8) == (documents[:MAX_LEADERS], [])
    twin = key("99999", signature=changed(documents[MAX_LEADERS - 1].signature or b"", 1))
    assert [fate.occurrence for fate in near_duplicates([*documents, twin], 0.8)[1]] == ["99999"]


def test_of_several_fates_the_first_counts() -> None:
    near = [Fate("x", 0, "near_duplicate", -0.9, "b"), Fate("x", 0, "near_duplicate", -0.95, "c")]
    url = Fate("x", 0, "duplicate_url", 0.0, "a")

    assert list(first_fates([*near, Fate("y", 1, "near_duplicate", -0.8, "b")])) == [
        near[1],
        Fate("y", 1, "near_duplicate", -0.8, "b"),
    ]
    assert list(first_fates([*near, url])) == [url]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.column)
def test_a_fate_within_a_part_names_the_best_of_all_parts(rule: Rule) -> None:
    reason, similarity = rule.reason.value, rule.similarity
    within = Fate("loser", 1, reason, similarity, "best of part")
    across = Fate("best of part", 1, reason, similarity, "best of all")
    other = Fate("near", 1, RejectReason.NEAR_DUPLICATE.value, -0.9, "best of part")

    assert name_the_best([within, across, other]) == [
        Fate("loser", 1, reason, similarity, "best of all"),
        across,
        other,
    ]


def test_a_fate_names_no_document_that_beat_the_best_by_another_rule() -> None:
    copy = Fate("copy", 1, RejectReason.NEAR_DUPLICATE.value, -1.0, "best of its text")
    near = Fate("best of its text", 1, RejectReason.NEAR_DUPLICATE.value, -0.9, "leader")

    assert name_the_best([copy, near]) == [copy, near]
