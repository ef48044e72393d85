"""Groups of documents stay small, whatever the input repeats, and the fates are those of comparing all at once."""

import pathlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.dedup.documents import groups
from pipelines.dedup.documents.keep import (
    BY_IMAGES,
    BY_TEXT,
    BY_URL,
    MAX_LEADERS,
    DocumentKey,
    Fate,
    Rule,
    best_first,
    first_fates,
    name_the_best,
    near_duplicates,
)
from pipelines.dedup.documents.minhash import NUM_PERM, band_keys, similarity
from schemas.arrow import to_table
from schemas.verdicts import DocumentFeatures

JACCARD = 0.8
Fates = dict[int, tuple[Fate, ...]]


def features(
    name: str, *, url: str, time: str | None = None, images: str | None = None, signature: bytes | None = None
) -> DocumentFeatures:
    return DocumentFeatures(
        occurrence=name,
        document_id=url,
        domain="lab.example",
        n_images=0,
        crawl_time=time,
        image_set=images,
        signature=signature,
        contaminated="exam" if name.endswith("13") else None,
        paragraphs=(),
    )


def write_parts(folder: pathlib.Path, parts: Sequence[Sequence[DocumentFeatures]]) -> list[str]:
    paths = [str(folder / f"{number}.parquet") for number in range(len(parts))]
    for path, documents in zip(paths, parts, strict=True):
        pq.write_table(to_table(list(documents), DocumentFeatures), path)
    return paths


class Engine:
    """GroupByKey by hand, which also remembers the rows of the largest group."""

    def __init__(self) -> None:
        self.largest = 0
        self.largest_band = 0

    def group(self, elements: Iterable[tuple[Any, Any]], step: Callable[[tuple[Any, Any]], Iterator[Any]]) -> list[Any]:
        """Returns what a step gives for each group; batches come in an order that no step may rely on."""
        found: dict[Any, list[Any]] = defaultdict(list)
        for key, batch in elements:
            found[key].append(batch)
        for batches in found.values():
            random.Random(len(batches)).shuffle(batches)
        self.largest = max([self.largest, *(sum(map(len, batches)) for batches in found.values())])
        return [result for group in found.items() for result in step(group)]


def stream(elements: Iterable[tuple[str, Any]], name: str) -> list[Any]:
    return [element for found, element in elements if found == name]


def compare(paths: list[str], rules: Sequence[Rule], buckets: int) -> tuple[list[Fate], Engine]:
    """Returns the fates as the job finds them, wired as ``CompareDocuments`` does."""
    engine = Engine()
    gone = [batch for numbered in enumerate(paths) for batch in groups.contaminated_of_part(numbered)]
    kept: list[Any] = []
    by_part = Engine()
    for rule in rules:
        of_parts = by_part.group(gone, lambda group, rule=rule: groups.best_of_part(group, paths, rule, buckets))  # type: ignore[misc]
        of_all = engine.group(
            stream(of_parts, groups.KEPT),
            lambda group, rule=rule: groups.best_of_bucket(group, rule, buckets),  # type: ignore[misc]
        )
        gone += stream(of_parts, groups.FATES) + stream(of_all, groups.FATES)
        kept = stream(of_all, groups.KEPT)
    if rules[-1] is BY_TEXT:
        bands = [element for batch in kept for element in groups.band_members(batch, JACCARD, buckets)]
        gone += stream(bands, groups.FATES)
        members = stream(bands, groups.BAND)
        rows = Counter(key for _, batch in members for key, _ in batch)
        engine.largest_band = max(rows.values(), default=0)
        shared = engine.group(members, lambda group: groups.shared_bands(group, buckets))
        signed = engine.group(shared + kept, lambda group: groups.signed_members(group, buckets))
        gone += engine.group(signed, lambda group: groups.near_duplicate_group(group, JACCARD))
    fates: dict[int, list[Fate]] = defaultdict(list)
    for part, batch in gone:
        fates[part] += batch
    return sorted(f for found in fates.values() for f in name_the_best(first_fates(found))), engine


def naive(parts: Sequence[Sequence[DocumentFeatures]], rules: Sequence[Rule]) -> list[Fate]:
    """Returns the fates by comparing all documents with one another, rule by rule."""
    left = [(part, document) for part, documents in enumerate(parts) for document in documents]
    fates = [Fate(d.occurrence, part, "contaminated", 0.0, d.contaminated) for part, d in left if d.contaminated]
    left = [(part, d) for part, d in left if not d.contaminated]
    left.sort(key=lambda item: item[1].occurrence)
    left.sort(key=lambda item: item[1].crawl_time or "", reverse=True)
    for rule in rules:
        first: dict[Any, str] = {}
        stays = []
        for part, document in left:
            value = getattr(document, rule.column)
            if value is None or value not in first:
                stays.append((part, document))
                if value is not None:
                    first[value] = document.occurrence
            else:
                fates.append(Fate(document.occurrence, part, rule.reason.value, rule.similarity, first[value]))
        left = stays
    if rules[-1] is BY_TEXT:
        fates += first_fates(compare_all_bands(left))
    return sorted(fates)


def compare_all_bands(left: Sequence[tuple[int, DocumentFeatures]]) -> Iterator[Fate]:
    """Yields the fates of near-duplicates among documents, each band's group at once."""
    bands: dict[str, list[DocumentKey]] = defaultdict(list)
    for part, d in left:
        if d.signature is not None:
            for key in band_keys(d.signature, JACCARD):
                bands[key].append(DocumentKey(d.occurrence, part, d.crawl_time or "", d.occurrence, d.signature))
    for _, members in sorted(bands.items()):
        yield from near_duplicates(members, JACCARD)[1]


def random_documents(seed: int, n: int = 240) -> list[DocumentFeatures]:
    """Returns documents of few URLs, image sets and texts, and texts that are more or less like one another."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    texts: list[bytes | None] = [None]
    for _ in range(6):
        values = numbers.integers(0, 2**32, NUM_PERM, dtype=np.uint32)
        for n_changed in (0, 2, 12, 20, 24, 30, 40):
            like = values.copy()
            like[numbers.permutation(NUM_PERM)[:n_changed]] += 1
            texts.append(like.tobytes())
    return [
        features(
            f"{seed}:{number:04d}",
            url=f"page-{rng.randrange(n // 2)}",
            time=rng.choice([None, *(f"2024-0{month}" for month in range(1, 10))]),
            images=rng.choice([None, *(f"set-{kind}" for kind in range(150))]),
            signature=rng.choice(texts),
        )
        for number in range(n)
    ]


def split(documents: Sequence[DocumentFeatures], n_parts: int, seed: int) -> list[list[DocumentFeatures]]:
    """Returns documents in parts of uneven length."""
    rng = random.Random(seed)
    parts: list[list[DocumentFeatures]] = [[] for _ in range(n_parts)]
    for document in documents:
        parts[min(rng.randrange(n_parts), rng.randrange(n_parts))].append(document)
    return [part for part in parts if part]


@pytest.mark.parametrize("rules", [(BY_URL,), (BY_IMAGES,), (BY_TEXT,), (BY_URL, BY_IMAGES, BY_TEXT)])
@pytest.mark.parametrize(("n_parts", "buckets"), [(1, 1), (4, 3), (11, 5), (60, 2)])
def test_every_fate_is_that_of_comparing_all_at_once(
    tmp_path: pathlib.Path, rules: tuple[Rule, ...], n_parts: int, buckets: int
) -> None:
    for seed in range(3):
        parts = split(random_documents(seed), n_parts, seed)

        found, _ = compare(write_parts(tmp_path, parts), rules, buckets)

        assert found == naive(parts, rules)
        assert {fate.reason for fate in found} >= {"contaminated", *(rule.reason.value for rule in rules)}


def test_copies_that_go_first_change_nobody_who_stays() -> None:
    for seed in range(5):
        left = list(enumerate(random_documents(seed)))
        firsts = {d.signature: d.occurrence for _, d in reversed(sort(left))}
        alone = [(part, d) for part, d in left if d.signature is None or firsts[d.signature] == d.occurrence]

        together = {fate.occurrence for fate in compare_all_bands(left)}

        copies = {d.occurrence for _, d in left} - {d.occurrence for _, d in alone}
        assert together == copies | {fate.occurrence for fate in compare_all_bands(alone)}


def sort(left: list[tuple[int, DocumentFeatures]]) -> list[tuple[int, DocumentFeatures]]:
    keys = [DocumentKey(d.occurrence, part, d.crawl_time or "", d.occurrence) for part, d in left]
    order = {key.occurrence: place for place, key in enumerate(best_first(keys))}
    return sorted(left, key=lambda item: order[item[1].occurrence])


def unlike_by_a_word(n: int) -> list[DocumentFeatures]:
    """Returns documents of which each text is like the first: no two are equal, all share most of their bands."""
    numbers = np.random.default_rng(5)
    first = numbers.integers(0, 2**32, NUM_PERM, dtype=np.uint32)
    documents = []
    for number in range(n):
        values = first.copy()
        values[numbers.permutation(NUM_PERM)[:3]] = numbers.integers(0, 2**32, 3, dtype=np.uint32)
        documents.append(features(f"{number:06d}", url=f"{number}", time=f"{number:06d}", signature=values.tobytes()))
    return documents


def test_a_crowded_band_of_one_bucket_is_compared_as_if_it_were_not(tmp_path: pathlib.Path) -> None:
    parts = split(random_documents(7) + unlike_by_a_word(MAX_LEADERS * 4), 5, 1)

    found, _ = compare(write_parts(tmp_path, parts), (BY_TEXT,), 1)

    assert found == naive(parts, (BY_TEXT,))


def test_texts_unlike_by_a_word_make_no_large_group(tmp_path: pathlib.Path) -> None:
    n, buckets = 3_000, 4
    documents = unlike_by_a_word(n)

    found, engine = compare(write_parts(tmp_path, split(documents, 6, 1)), (BY_TEXT,), buckets)

    # All but the best go, as they would if all were compared at once.
    assert {d.occurrence for d in documents} - {fate.occurrence for fate in found} == {documents[-1].occurrence}
    signatures = {d.occurrence: d.signature or b"" for d in documents}
    assert all(
        similarity(signatures[fate.occurrence], signatures[fate.of]) == -fate.similarity >= JACCARD
        for fate in found
        if fate.reason == "near_duplicate"
    )
    assert engine.largest_band <= buckets * MAX_LEADERS


@pytest.mark.slow
@pytest.mark.parametrize("hot", ["url", "images", "text"])
def test_no_group_of_200_000_documents_with_one_key_has_more_than_a_row_a_part(
    tmp_path: pathlib.Path, hot: str
) -> None:
    n_parts, n = 40, 5_000
    text = np.random.default_rng(1).integers(0, 2**32, NUM_PERM, dtype=np.uint32).tobytes()
    parts = [
        [
            features(
                f"{part}:{number:05d}",
                url="hot" if hot == "url" else f"{part}:{number}",
                images="hot" if hot == "images" else None,
                signature=text if hot == "text" else None,
            )
            for number in range(n)
        ]
        for part in range(n_parts)
    ]

    rules = {"url": (BY_URL,), "images": (BY_IMAGES,), "text": (BY_TEXT,)}[hot]
    found, engine = compare(write_parts(tmp_path, parts), rules, 4)

    assert engine.largest == n_parts
    assert len(found) == n_parts * n - 1
    assert {fate.of for fate in found} == {"0:00000", "exam"}
