"""Which of several documents stays: rules on small keys, each a function on one group."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from pipelines.dedup.documents.minhash import NUM_PERM, signature_values
from schemas.rejections import RejectReason

MAX_LEADERS = 64
"""Unlike documents of one group that a further one is compared with: bounds the work where unlike texts share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKey:
    """A capture in the comparison of documents."""

    occurrence: str
    part: int
    document_id: str
    crawl_time: str
    """``""`` where it is not known: earlier than any other."""

    image_set: str | None
    signature: bytes | None
    contaminated: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Fate:
    """Why a capture is left out. Of several fates of one capture the smallest counts."""

    occurrence: str
    part: int
    reason: str
    similarity: float
    """Negative, so that the most similar document comes first; 0 where the reason has none."""

    of: str


def best_first(documents: Iterable[DocumentKey]) -> list[DocumentKey]:
    """Returns documents latest first; of one time, by their occurrence."""
    by_name = sorted(documents, key=lambda document: document.occurrence)
    return sorted(by_name, key=lambda document: document.crawl_time, reverse=True)


def keep_best(documents: Iterable[DocumentKey], *, by: str, reason: RejectReason) -> Iterator[DocumentKey | Fate]:
    """Yields the best document of each value of a field, and the fates of the others; None is no value.

    A document that holds words of an evaluation set goes before it is compared.

    Args:
        documents: All documents that have these values.
        by: ``"document_id"`` or ``"image_set"``.
        reason: Of the others.
    """
    groups: dict[str, list[DocumentKey]] = defaultdict(list)
    for document in documents:
        value = getattr(document, by)
        if document.contaminated is not None:
            reason_of_it = RejectReason.CONTAMINATED.value
            yield Fate(document.occurrence, document.part, reason_of_it, 0.0, document.contaminated)
        elif value is None:
            yield document
        else:
            groups[value].append(document)
    for _, group in sorted(groups.items()):
        first, *others = best_first(group)
        yield first
        for other in others:
            yield Fate(other.occurrence, other.part, reason.value, 0.0, first.occurrence)


def name_the_best(fates: Iterable[Fate]) -> list[Fate]:
    """Returns the fates of one part, each with the best of all captures of its URL.

    Captures of one URL are compared within their part first, so a fate may name a capture that another part has beaten.
    """
    found = list(fates)
    reason = RejectReason.DUPLICATE_URL.value
    best = {fate.occurrence: fate.of for fate in found if fate.reason == reason}
    return [replace(fate, of=best[fate.of]) if fate.reason == reason and fate.of in best else fate for fate in found]


def near_duplicates(documents: Iterable[DocumentKey], min_similarity: float) -> Iterator[Fate]:
    """Yields the fates of the documents of one band's group that repeat a better one.

    Each document is compared with the better ones that repeat none before them, at most ``MAX_LEADERS``.
    """
    leaders: list[DocumentKey] = []
    signatures = np.zeros((MAX_LEADERS, NUM_PERM), dtype=np.uint32)
    for document in best_first(documents):
        values = signature_values(document.signature)
        similarities = (signatures[: len(leaders)] == values).mean(axis=1)
        best = int(similarities.argmax()) if leaders else -1
        if leaders and similarities[best] >= min_similarity:
            reason, value = RejectReason.NEAR_DUPLICATE.value, float(similarities[best])
            yield Fate(document.occurrence, document.part, reason, -value, leaders[best].occurrence)
        elif len(leaders) < MAX_LEADERS:
            signatures[len(leaders)] = values
            leaders.append(document)


def first_fates(fates: Iterable[Fate]) -> Iterator[Fate]:
    """Yields the fate that counts for each capture, by occurrence."""
    for _, group in groupby(sorted(fates), key=lambda fate: fate.occurrence):
        yield next(group)
