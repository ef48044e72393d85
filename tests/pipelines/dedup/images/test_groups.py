"""A content of many URLs is counted in each bucket of URLs first."""

from collections import Counter

from pipelines.dedup.images import groups
from pipelines.dedup.images.occurrences import CountedImage, FetchedUrls, UrlsOfPart, by_bucket
from pipelines.fetch.inspect_image import ImageLimits

BUCKETS = 4
URLS = [f"http://pixel.example/?{number}" for number in range(2_000)]
NO_EVALUATION: groups.EvaluationFiles = ((), ImageLimits(max_bytes=1, max_pixels=1))


def test_one_content_at_many_urls_is_one_row_a_bucket_with_all_its_occurrences_and_parts() -> None:
    parts = [[(url, 1 + number % 3) for number, url in enumerate(URLS[start:])] for start in (0, 500, 1_500)]
    expected = sum(n for part in parts for _, n in part)
    sides: dict[int, list[UrlsOfPart | FetchedUrls]] = {}
    for number, rows in enumerate(parts):
        for bucket, found in by_bucket(((url, (url, n)) for url, n in rows), "url", BUCKETS).items():
            sides.setdefault(bucket, []).append(UrlsOfPart(part=number, counts=tuple(found)))
    for bucket, names in by_bucket(((url, (url, "pixel")) for url in URLS), "url", BUCKETS).items():
        sides[bucket].append(FetchedUrls(images=tuple(names)))

    elements = [element for group in sides.items() for element in groups.count_url_group(group, 10, BUCKETS)]
    contents = [batch for stream, batch in elements if stream == groups.CONTENT]

    assert len(contents) == BUCKETS
    assert all(len(batch) == 1 for _, batch in contents)
    ((_, (_, waiting)),) = groups.count_image_group((0, [b for _, b in contents]), None, BUCKETS, NO_EVALUATION)
    assert waiting == [CountedImage(image_id="pixel", phash=None, n=expected, parts=(0, 1, 2))]
    facts = Counter(part for stream, (part, _) in elements if stream == groups.PART)
    assert set(facts) == {0, 1, 2}
