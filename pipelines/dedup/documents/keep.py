"""Which of several documents stays: rules on small keys, each a function on one group."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from pipelines.dedup.documents.minhash import NUM_PERM, signature_values
from schemas.rejections import RejectReason

MAX_LEADERS = 64
"""Unlike documents of one group that a further one is compared with: bounds the work where unlike texts share one."""


class DocumentKey(NamedTuple):
    """A capture in the comparison of documents: a plain tuple, since many of them travel."""

    occurrence: str
    part: int
    crawl_time: str
    """``""`` where it is not known: earlier than any other."""

    value: str
    """What it is compared by."""

    signature: bytes | None = None


@dataclass(frozen=True, slots=True, order=True)
class Fate:
    """Why a capture is left out. Of several fates of one capture the smallest counts."""

    occurrence: str
    part: int
    reason: str
    similarity: float
    """Negative, so that the most similar document comes first; 0 where the reason has none."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Of documents with the same value in a column of their features the best stays."""

    column: Literal["document_id", "image_set", "signature"]
    reason: RejectReason
    """Of the others."""

    similarity: float = 0.0
    """Of their fates."""


BY_URL = Rule(column="document_id", reason=RejectReason.DUPLICATE_URL)
BY_IMAGES = Rule(column="image_set", reason=RejectReason.DUPLICATE_IMAGE_SET)
BY_TEXT = Rule(column="signature", reason=RejectReason.NEAR_DUPLICATE, similarity=-1.0)
"""Copies of a text have one signature. They go before texts are compared, which then are all unlike."""

RULES = (BY_URL, BY_IMAGES, BY_TEXT)


def best_first(documents: Iterable[DocumentKey]) -> list[DocumentKey]:
    """Returns documents latest first; of one time, by their occurrence."""
    by_name = sorted(documents, key=lambda document: document.occurrence)
    return sorted(by_name, key=lambda document: document.crawl_time, reverse=True)


def keep_best(documents: Iterable[DocumentKey], rule: Rule) -> Iterator[DocumentKey | Fate]:
    """Yields the best document of each value, and the fates of the others."""
    groups: dict[str, list[DocumentKey]] = defaultdict(list)
    for document in documents:
        groups[document.value].append(document)
    for _, group in sorted(groups.items()):
        first, *others = best_first(group)
        yield first
        for other in others:
            yield Fate(other.occurrence, other.part, rule.reason.value, rule.similarity, first.occurrence)


def name_the_best(fates: Iterable[Fate]) -> list[Fate]:
    """Returns the fates of one part, each with the best of all documents that share its value.

    Documents are compared within their part first, so a fate may name one that another part beat by the same rule.
    """
    found = list(fates)
    best = {(fate.occurrence, fate.reason, fate.similarity): fate.of for fate in found if _is_by_value(fate)}
    return [
        replace(fate, of=best.get((fate.of, fate.reason, fate.similarity), fate.of)) if _is_by_value(fate) else fate
        for fate in found
    ]


def _is_by_value(fate: Fate) -> bool:
    return any(fate.reason == rule.reason.value and fate.similarity == rule.similarity for rule in RULES)


def near_duplicates(documents: Iterable[DocumentKey], min_similarity: float) -> tuple[list[DocumentKey], list[Fate]]:
    """Returns the leaders of one band's group, and the fates of the documents that repeat one of them.

    Each document is compared with the leaders before it. One that repeats none becomes a leader, of ``MAX_LEADERS``.
    """
    leaders: list[DocumentKey] = []
    fates: list[Fate] = []
    signatures = np.zeros((MAX_LEADERS, NUM_PERM), dtype=np.uint32)
    for document in best_first(documents):
        values = signature_values(document.signature)
        similarities = (signatures[: len(leaders)] == values).mean(axis=1)
        best = int(similarities.argmax()) if leaders else -1
        if leaders and similarities[best] >= min_similarity:
            reason, value = RejectReason.NEAR_DUPLICATE.value, float(similarities[best])
            fates.append(Fate(document.occurrence, document.part, reason, -value, leaders[best].occurrence))
        elif len(leaders) < MAX_LEADERS:
            signatures[len(leaders)] = values
            leaders.append(document)
    return leaders, fates


def first_fates(fates: Iterable[Fate]) -> Iterator[Fate]:
    """Yields the fate that counts for each capture, by occurrence."""
    for _, group in groupby(sorted(fates), key=lambda fate: fate.occurrence):
        yield next(group)
