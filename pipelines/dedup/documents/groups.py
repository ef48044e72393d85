"""What is done with each group of documents: from batches to batches."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

import pyarrow.parquet as pq

from pipelines.dedup.documents.keep import MAX_LEADERS, DocumentKey, Fate, Rule, first_fates, keep_best, near_duplicates
from pipelines.dedup.documents.minhash import band_keys
from pipelines.dedup.images.occurrences import by_bucket
from pipelines.joins.columns import read_columns
from pipelines.runs import storage
from pipelines.runs.tagged import Tagged
from schemas.digests import keyed_bucket, keyed_digest
from schemas.rejections import RejectReason

KEPT, FATES, BAND = "kept", "fates", "band"
"""Streams: documents by bucket of their value, fates by part, members of bands by bucket of the band."""

BandMember = tuple[str, str]
"""``(key of a band, value of a document)``."""


def contaminated_of_part(numbered: tuple[int, str]) -> Iterator[tuple[int, tuple[Fate, ...]]]:
    """Yields the documents of a part that hold words of an evaluation set: they go before any is compared.

    One batch for each part, empty where none does.
    """
    part, path = numbered
    reason = RejectReason.CONTAMINATED.value
    found = (row for row in read_columns(path, ["occurrence", "contaminated"]) if row["contaminated"] is not None)
    yield part, tuple(sorted(Fate(row["occurrence"], part, reason, 0.0, row["contaminated"]) for row in found))


def best_of_part(
    group: tuple[int, Iterable[tuple[Fate, ...]]], paths: list[str], rule: Rule, count: int
) -> Iterator[Tagged]:
    """Yields the best document of each value among those of a part that are left, and the fates of the others.

    So a value that a third of the input shares comes once from each part, and its group stays small.
    """
    part, batches = group
    gone = {fate.occurrence for fate in chain.from_iterable(batches)}
    keys = (key for key in read_keys(paths[part], part, rule) if key.occurrence not in gone)
    yield from _split(keep_best(keys, rule), count)


def best_of_bucket(group: tuple[int, Iterable[list[DocumentKey]]], rule: Rule, count: int) -> Iterator[Tagged]:
    """Yields the best document of each value of a bucket, and the fates of the others."""
    yield from _split(keep_best(chain.from_iterable(group[1]), rule), count)


def read_keys(path: str, part: int, rule: Rule) -> Iterator[DocumentKey]:
    """Yields what the documents of a part are compared by; one without a value repeats nothing."""
    for row in read_columns(path, ["occurrence", "crawl_time", rule.column]):
        value = row[rule.column]
        if value is not None:
            is_text = rule.column == "signature"
            yield DocumentKey(
                occurrence=row["occurrence"],
                part=part,
                crawl_time=row["crawl_time"] or "",
                value=keyed_digest("signature", value) if is_text else value,
                signature=value if is_text else None,
            )


def _split(results: Iterable[DocumentKey | Fate], count: int) -> Iterator[Tagged]:
    kept: list[tuple[str, DocumentKey]] = []
    fates: list[Fate] = []
    for result in results:
        if isinstance(result, Fate):
            fates.append(result)
        else:
            kept.append((result.value, result))
    for batch in by_bucket(kept, "document", count).items():
        yield KEPT, batch
    for batch_of_part in by_part(fates):
        yield FATES, batch_of_part


def by_part(fates: Iterable[Fate]) -> Iterator[tuple[int, tuple[Fate, ...]]]:
    """Yields fates by the part of their document."""
    parts: dict[int, list[Fate]] = defaultdict(list)
    for fate in fates:
        parts[fate.part].append(fate)
    for part, found in parts.items():
        yield part, tuple(sorted(found))


def band_members(batch: tuple[int, list[DocumentKey]], jaccard: float, count: int) -> Iterator[Tagged]:
    """Yields the documents of one bucket by the keys of their bands, without their signatures.

    A band that more than ``MAX_LEADERS`` of them share is compared here first, and only its leaders go on: texts that
    are unlike by a word each, however many there are, make no large group.
    """
    bands: dict[str, list[DocumentKey]] = defaultdict(list)
    for document in batch[1]:
        for key in band_keys(document.signature, jaccard):
            bands[key].append(document)
    members: list[tuple[str, BandMember]] = []
    fates: list[Fate] = []
    for key, documents in bands.items():
        is_crowded = len(documents) > MAX_LEADERS
        leaders, beaten = near_duplicates(documents, jaccard) if is_crowded else (documents, [])
        fates += beaten
        members += [(key, (key, document.value)) for document in leaders]
    for members_of_bucket in by_bucket(members, "band", count).items():
        yield BAND, members_of_bucket
    for batch_of_part in by_part(first_fates(fates)):
        yield FATES, batch_of_part


def shared_bands(group: tuple[int, Iterable[list[BandMember]]], count: int) -> Iterator[tuple[int, list[BandMember]]]:
    """Yields the members of bands that several documents share, by bucket of the document."""
    bands: dict[str, list[str]] = defaultdict(list)
    for key, value in chain.from_iterable(group[1]):
        bands[key].append(value)
    shared = ((value, (key, value)) for key, members in bands.items() if len(members) > 1 for value in members)
    yield from by_bucket(shared, "document", count).items()


def signed_members(
    group: tuple[int, Iterable[list[BandMember | DocumentKey]]], count: int
) -> Iterator[tuple[int, list[tuple[str, DocumentKey]]]]:
    """Yields ``(key of a band, document with its signature)`` for the shared bands, by bucket of the band."""
    documents: dict[str, DocumentKey] = {}
    asked: list[BandMember] = []
    for member in chain.from_iterable(group[1]):
        if isinstance(member, DocumentKey):
            documents[member.value] = member
        else:
            asked.append(member)
    yield from by_bucket(((key, (key, documents[value])) for key, value in asked), "band", count).items()


def near_duplicate_group(
    group: tuple[int, Iterable[list[tuple[str, DocumentKey]]]], min_similarity: float
) -> Iterator[tuple[int, tuple[Fate, ...]]]:
    """Yields the fates of near-duplicates for one bucket of bands, by part."""
    bands: dict[str, list[DocumentKey]] = defaultdict(list)
    for key, document in chain.from_iterable(group[1]):
        bands[key].append(document)
    yield from by_part(
        fate for _, members in sorted(bands.items()) for fate in near_duplicates(members, min_similarity)[1]
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
