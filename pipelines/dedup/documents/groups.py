"""What is done with each group of documents: from batches to batches."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Literal

import pyarrow.parquet as pq

from pipelines.dedup.documents.keep import DocumentKey, Fate, best_first, keep_best, near_duplicates
from pipelines.dedup.documents.minhash import band_keys
from pipelines.dedup.images.occurrences import by_bucket
from pipelines.runs import storage
from pipelines.runs.folder import read_part
from pipelines.runs.tagged import Tagged
from schemas.digests import keyed_bucket
from schemas.rejections import RejectReason
from schemas.verdicts import DocumentFeatures

KEPT, FATES = "kept", "fates"
Field = Literal["occurrence", "document_id", "image_set"]
"""What documents are compared by; ``occurrence`` is of each its own, so nothing repeats."""

BandMember = tuple[str, str]
"""``(key of a band, occurrence)``."""


def read_keys(numbered: tuple[int, str], field: Field, reason: RejectReason, count: int) -> Iterator[Tagged]:
    """Yields what the documents of a part are compared by, by bucket of a field; of each value only the part's best.

    So a value that a third of the input shares comes once from each part, and its group stays small.
    """
    part, path = numbered
    keys = [_key(features, part) for features in read_part(path, DocumentFeatures)]
    yield from keep_best_group((part, [keys]), field, reason, field, count)


def _key(features: DocumentFeatures, part: int) -> DocumentKey:
    return DocumentKey(
        occurrence=features.occurrence,
        part=part,
        document_id=features.document_id,
        crawl_time=features.crawl_time or "",
        image_set=features.image_set,
        signature=features.signature,
        contaminated=features.contaminated,
    )


def _by_field(keys: Iterable[DocumentKey], field: Field, count: int) -> Iterator[tuple[int, list[DocumentKey]]]:
    named = ((getattr(key, field) or key.occurrence, key) for key in keys)
    yield from by_bucket(named, "document", count).items()


def keep_best_group(
    group: tuple[int, Iterable[list[DocumentKey]]], field: Field, reason: RejectReason, following: Field, count: int
) -> Iterator[Tagged]:
    """Yields for one bucket the documents that stay, by bucket of the following field, and the fates of the others."""
    kept: list[DocumentKey] = []
    fates: list[Fate] = []
    for result in keep_best(chain.from_iterable(group[1]), by=field, reason=reason):
        if isinstance(result, Fate):
            fates.append(result)
        else:
            kept.append(result)
    for batch in _by_field(_signed_by_the_best(kept, following), following, count):
        yield KEPT, batch
    for batch_of_part in by_part(fates):
        yield FATES, batch_of_part


def _signed_by_the_best(documents: list[DocumentKey], field: Field) -> Iterator[DocumentKey]:
    """Yields documents; of those that share a value only the best keeps its signature, the others cannot stay."""
    best: dict[str, DocumentKey] = {}
    for document in best_first(documents):
        best.setdefault(getattr(document, field) or document.occurrence, document)
    for document in documents:
        is_best = best[getattr(document, field) or document.occurrence] is document
        yield document if is_best else replace(document, signature=None)


def by_part(fates: Iterable[Fate]) -> Iterator[tuple[int, tuple[Fate, ...]]]:
    """Yields fates by the part of their document."""
    parts: dict[int, list[Fate]] = defaultdict(list)
    for fate in fates:
        parts[fate.part].append(fate)
    for part, found in parts.items():
        yield part, tuple(sorted(found))


def band_members(
    batch: tuple[int, list[DocumentKey]], jaccard: float, count: int
) -> Iterator[tuple[int, list[BandMember]]]:
    """Yields the documents by the keys of their bands, without their signatures."""
    members = (
        (key, (key, document.occurrence))
        for document in batch[1]
        if document.signature is not None
        for key in band_keys(document.signature, jaccard)
    )
    yield from by_bucket(members, "band", count).items()


def shared_bands(group: tuple[int, Iterable[list[BandMember]]], count: int) -> Iterator[tuple[int, list[BandMember]]]:
    """Yields the members of bands that several documents share, by bucket of the document."""
    bands: dict[str, list[str]] = defaultdict(list)
    for key, occurrence in chain.from_iterable(group[1]):
        bands[key].append(occurrence)
    shared = (
        (occurrence, (key, occurrence)) for key, members in bands.items() if len(members) > 1 for occurrence in members
    )
    yield from by_bucket(shared, "document", count).items()


def by_occurrence(batch: tuple[int, list[DocumentKey]], count: int) -> Iterator[tuple[int, list[DocumentKey]]]:
    """Yields documents by bucket of their occurrence."""
    yield from _by_field(batch[1], "occurrence", count)


def signed_members(
    group: tuple[int, Iterable[list[BandMember | DocumentKey]]], count: int
) -> Iterator[tuple[int, list[tuple[str, DocumentKey]]]]:
    """Yields ``(key of a band, document with its signature)`` for the shared bands, by bucket of the band."""
    documents: dict[str, DocumentKey] = {}
    asked: list[BandMember] = []
    for member in chain.from_iterable(group[1]):
        if isinstance(member, DocumentKey):
            documents[member.occurrence] = member
        else:
            asked.append(member)
    yield from by_bucket(((key, (key, documents[name])) for key, name in asked), "band", count).items()


def near_duplicate_group(
    group: tuple[int, Iterable[list[tuple[str, DocumentKey]]]], min_similarity: float
) -> Iterator[tuple[int, tuple[Fate, ...]]]:
    """Yields the fates of near-duplicates for one bucket of bands, by part."""
    bands: dict[str, list[DocumentKey]] = defaultdict(list)
    for key, document in chain.from_iterable(group[1]):
        bands[key].append(document)
    yield from by_part(
        fate for _, members in sorted(bands.items()) for fate in near_duplicates(members, min_similarity)
    )


def count_paragraphs(
    group: tuple[int, Iterable[tuple[Fate, ...]]], paths: list[str], count: int
) -> Iterator[tuple[int, tuple[tuple[str, int], ...]]]:
    """Yields how often the documents of a part that stay have each paragraph, by bucket of the paragraph."""
    part, batches = group
    gone = {fate.occurrence for fate in chain.from_iterable(batches)}
    counts: Counter[str] = Counter()
    with storage.open_read(paths[part]) as file:
        for batch in pq.ParquetFile(file).iter_batches(columns=["occurrence", "paragraphs"]):
            for row in batch.to_pylist():
                if row["occurrence"] not in gone:
                    counts.update(row["paragraphs"])
    buckets: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for digest, n in sorted(counts.items()):
        buckets[keyed_bucket("paragraph", digest, count)].append((digest, n))
    for bucket, rows in buckets.items():
        yield bucket, tuple(rows)
