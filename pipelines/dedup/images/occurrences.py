"""How often an image occurs: by URL, by content, and with its near-duplicates.

Everything travels in batches, one for each part and bucket, so that millions of places are a few thousand elements.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.runs import storage
from schemas.digests import keyed_bucket

Item = TypeVar("Item")
Counted = TypeVar("Counted", "CountedUrl", "CountedImage")

URL_COLUMN = "segments.list.element.url"
BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlsOfPart:
    """How often a part of documents refers to each URL of one bucket."""

    part: int
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedUrls:
    """``(URL, image id)`` of URLs of one bucket that were fetched."""

    images: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedUrl:
    """A URL with all its occurrences."""

    url: str
    image_id: str | None
    n: int
    parts: tuple[int, ...]
    """Parts of documents that refer to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedImage:
    """A content with all its occurrences, over all its URLs."""

    image_id: str
    phash: str | None
    n: int
    parts: tuple[int, ...]


def count_urls_of_part(path: str) -> Counter[str]:
    """Returns how often each image URL occurs in a part of documents; reads that column alone."""
    counts: Counter[str] = Counter()
    with storage.open_read(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS, columns=[URL_COLUMN]):
            urls = pc.struct_field(pc.list_flatten(batch.column(0)), "url").drop_null()
            counts.update(urls.to_pylist())
    return counts


def by_bucket(items: Iterable[tuple[str, Item]], purpose: str, count: int) -> dict[int, list[Item]]:
    """Returns ``(key, item)`` pairs as the items of each bucket, in order."""
    buckets: dict[int, list[Item]] = defaultdict(list)
    for key, item in items:
        buckets[keyed_bucket(purpose, key, count)].append(item)
    return buckets


def count_urls(members: Iterable[UrlsOfPart | FetchedUrls]) -> Iterator[CountedUrl]:
    """Yields each URL of one bucket that documents refer to, in the order of the URLs."""
    counts: Counter[str] = Counter()
    parts: dict[str, set[int]] = defaultdict(set)
    images: dict[str, str] = {}
    for member in members:
        if isinstance(member, FetchedUrls):
            images.update(member.images)
            continue
        for url, n in member.counts:
            counts[url] += n
            parts[url].add(member.part)
    for url in sorted(counts):
        yield CountedUrl(url=url, image_id=images.get(url), n=counts[url], parts=tuple(sorted(parts[url])))


def count_images(
    found: Iterable[CountedUrl] | Iterable[CountedImage], phashes: Mapping[str, str | None]
) -> Iterator[CountedImage]:
    """Yields each content that URLs have, or that several buckets of URLs have counted, in the order of the ids."""
    counts: Counter[str] = Counter()
    parts: dict[str, set[int]] = defaultdict(set)
    for one in found:
        if one.image_id is not None:
            counts[one.image_id] += one.n
            parts[one.image_id].update(one.parts)
    for image_id in sorted(counts):
        yield CountedImage(
            image_id=image_id,
            phash=phashes.get(image_id),
            n=counts[image_id],
            parts=tuple(sorted(parts[image_id])),
        )


def by_part(items: Sequence[Counted]) -> Iterator[tuple[int, list[Counted]]]:
    """Yields for each part of documents the items that it refers to."""
    parts: dict[int, list[Counted]] = defaultdict(list)
    for item in items:
        for part in item.parts:
            parts[part].append(item)
    yield from sorted(parts.items())
