"""What is done with each group of URLs, contents, bands and hashes: from batches to batches."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from pipelines.dedup.evaluation import load_evaluation
from pipelines.dedup.images.neighbours import band_keys, neighbour_counts
from pipelines.dedup.images.occurrences import (
    CountedImage,
    FetchedUrls,
    UrlsOfPart,
    by_bucket,
    by_part,
    count_images,
    count_urls,
    count_urls_of_part,
)
from pipelines.dedup.judge_places import EVALUATION, IMAGES, URLS
from pipelines.fetch.inspect_image import ImageLimits
from pipelines.runs.folder import read_part
from pipelines.runs.tagged import Tagged
from schemas.images import FetchedUrl, StoredImage
from schemas.rejections import RejectReason

EvaluationFiles = tuple[tuple[str, ...], ImageLimits]
"""Paths of evaluation sets, and what their images may have."""

PART, VERDICT, CONTENT, BAND, WAITING = "part", "verdict", "content", "band", "waiting"
"""Streams: facts by part of documents, verdicts, contents, hashes by band, contents that wait for neighbours."""


TOO_MANY, CONTAMINATED = RejectReason.TOO_MANY_OCCURRENCES.value, RejectReason.CONTAMINATED.value


def urls_of_part(numbered: tuple[int, str], count: int) -> Iterator[tuple[int, UrlsOfPart]]:
    """Yields the URLs that a part of documents refers to, by bucket of the URL."""
    part, path = numbered
    counts = count_urls_of_part(path)
    for bucket, rows in by_bucket(((url, (url, n)) for url, n in counts.items()), "url", count).items():
        yield bucket, UrlsOfPart(part=part, counts=tuple(rows))


def fetched_urls(path: str, count: int) -> Iterator[tuple[int, FetchedUrls]]:
    """Yields the images of fetched URLs, by bucket of the URL."""
    rows = ((row.url, (row.url, row.image_id)) for row in read_part(path, FetchedUrl) if row.image_id is not None)
    for bucket, images in by_bucket(rows, "url", count).items():
        yield bucket, FetchedUrls(images=tuple(images))


def phashes_of_part(path: str, count: int) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yields the perceptual hashes of stored images, by bucket of the image id."""
    rows = ((image.image_id, (image.image_id, image.phash)) for image in read_part(path, StoredImage))
    for bucket, images in by_bucket(rows, "image", count).items():
        yield bucket, dict(images)


def count_url_group(
    group: tuple[int, Iterable[UrlsOfPart | FetchedUrls]], maximum: int, count: int
) -> Iterator[Tagged]:
    """Yields for one bucket of URLs: facts by part, verdicts, and the contents of the URLs by bucket of the content.

    A content comes once from each bucket, however many URLs it has.
    """
    bucket, members = group
    urls = list(count_urls(members))
    for part, found in by_part(urls):
        yield PART, (part, (URLS, tuple((url.url, url.image_id or "", url.n) for url in found)))
    too_many = tuple((url.url, TOO_MANY, url.n, "") for url in urls if url.n > maximum)
    if too_many:
        yield VERDICT, (bucket, too_many)
    contents = ((content.image_id, content) for content in count_images(urls, {}))
    for image_bucket, rows in by_bucket(contents, "image", count).items():
        yield CONTENT, (image_bucket, rows)


def count_image_group(
    group: tuple[int, Iterable[list[CountedImage] | dict[str, str | None]]],
    radius: int | None,
    count: int,
    evaluation: EvaluationFiles,
) -> Iterator[Tagged]:
    """Yields for one bucket of contents: their hashes by band, and themselves by bucket of their hash.

    Contents of evaluation sets give verdicts, whether documents refer to them or not, and facts by part.
    """
    contents: list[CountedImage] = []
    phashes: dict[str, str | None] = {}
    for member in group[1]:
        if isinstance(member, dict):
            phashes.update(member)
        else:
            contents += member
    images = list(count_images(contents, phashes if radius is not None else {}))
    if evaluation[0]:
        yield from _contaminated(group[0], images, dict(load_evaluation(*evaluation).image_items(phashes, radius)))
    for bucket, waiting in by_bucket(((_key(image), image) for image in images), "hash", count).items():
        yield WAITING, (bucket, waiting)
    if radius is not None:
        yield from _hashes_by_band(images, radius)


def _contaminated(bucket: int, images: list[CountedImage], items: dict[str, str]) -> Iterator[Tagged]:
    if items:
        yield VERDICT, (bucket, tuple((image_id, CONTAMINATED, 0, name) for image_id, name in items.items()))
    for part, found in by_part([image for image in images if image.image_id in items]):
        yield PART, (part, (EVALUATION, tuple((image.image_id, items[image.image_id], 0) for image in found)))


def _key(image: CountedImage) -> str:
    return image.phash or image.image_id


def _hashes_by_band(images: list[CountedImage], radius: int) -> Iterator[Tagged]:
    counts: Counter[int] = Counter()
    for image in images:
        if image.phash is not None:
            counts[int(image.phash, 16)] += image.n
    bands: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for value, n in sorted(counts.items()):
        for key in band_keys(value, radius):
            bands[key].append((value, n))
    for (band, bits), members in bands.items():
        yield BAND, (f"{band}.{bits:x}", members)


def neighbour_group(
    group: tuple[str, Iterable[list[tuple[int, int]]]], radius: int, maximum: int, count: int
) -> Iterator[tuple[int, dict[str, int]]]:
    """Yields for the hashes that are equal in one band what each has to be counted up by, by bucket of the hash."""
    key, batches = group
    counts: Counter[int] = Counter()
    for batch in batches:
        for value, n in batch:
            counts[value] += n
    found = neighbour_counts(counts, int(key.partition(".")[0]), radius, maximum)
    named = ((f"{value:016x}", (f"{value:016x}", n)) for value, n in found)
    for bucket, rows in by_bucket(named, "hash", count).items():
        yield bucket, dict(rows)


def decide_group(
    group: tuple[int, Iterable[list[CountedImage] | dict[str, int]]], maximum: int, count: int
) -> Iterator[Tagged]:
    """Yields for one bucket of hashes the contents that occur too often: facts by part, and verdicts."""
    images: list[CountedImage] = []
    totals: Counter[str] = Counter()
    for member in group[1]:
        if isinstance(member, dict):
            totals.update(member)
        else:
            images += member
    occurrences = ((image, totals.get(_key(image), image.n)) for image in images)
    repeated = {image.image_id: (image, n) for image, n in occurrences if n > maximum}
    for part, found in by_part([image for _, (image, _) in sorted(repeated.items())]):
        yield PART, (part, (IMAGES, tuple((image.image_id, "", repeated[image.image_id][1]) for image in found)))
    named = ((image_id, (image_id, TOO_MANY, n, "")) for image_id, (_, n) in sorted(repeated.items()))
    for bucket, rows in by_bucket(named, "verdict", count).items():
        yield VERDICT, (bucket, tuple(rows))
