"""The Beam side of the joins: URLs to images, and ids to verdicts. Only URLs, ids and pointers are shuffled."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from pipelines.joins import plans
from pipelines.joins.images import UrlOutcome, pack_images, pack_outcomes
from pipelines.joins.lookup import IMAGES, URLS, Found, answer, ask, hold
from pipelines.joins.places import read_pairs, read_places
from pipelines.joins.sources import Source
from pipelines.runs.job import JobContext
from pipelines.runs.planning import Late, Plan, Planned
from pipelines.runs.transforms import Spread, of_several


class Lookup(beam.PTransform):
    """Answers ``(bucket, Asked)`` from ``(bucket, Held)``, which come in one collection: gives ``(source, Found)``."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self._table = table

    def expand(self, sides: PCollection[tuple[int, Any]]) -> PCollection[tuple[int, Found]]:
        return sides | "Group" >> beam.GroupByKey() | "Answer" >> beam.FlatMap(answer, self._table)


class FindImages(beam.PTransform):
    """Finds what the URLs of each source came to, and the images they gave: two collections of ``(source, Found)``.

    Found records are packed: ``image_facts`` reads them. The two are not flattened: whoever flattens them with more
    would make a Flatten of a Flatten, over which the portable runners on the JVM can lose a collection.
    """

    def __init__(self, context: JobContext, sources: Plan[list[Source]]) -> None:
        super().__init__()
        self._context, self._sources = context, sources
        self._url_buckets, self._image_buckets = (
            Planned(context, plans.url_buckets),
            Planned(context, plans.image_buckets),
        )

    @of_several
    def expand(self, root: PBegin) -> tuple[PCollection[tuple[int, Found]], ...]:
        context = self._context
        places = root | "Sources" >> Spread(context, self._sources)
        asked_urls = places | "Ask for URLs" >> beam.FlatMap(Late(ask_urls, self._url_buckets))
        asked_ids = places | "Ask for images" >> beam.FlatMap(Late(ask_images, self._image_buckets))
        fetches = (
            root
            | "Fetches" >> Spread(context, plans.fetch_parts)
            | "Hold fetches" >> beam.FlatMap(Late(hold_fetches, self._url_buckets))
        )
        images = (
            root
            | "Images" >> Spread(context, plans.numbered_image_parts)
            | "Hold images" >> beam.FlatMap(Late(hold_images, self._image_buckets))
        )
        urls = (asked_urls, fetches) | "URL sides" >> beam.Flatten() | "Find URLs" >> Lookup(URLS)
        fetched_ids = urls | "Ask for fetched" >> beam.FlatMap(Late(ask_fetched, self._image_buckets))
        found = (asked_ids, fetched_ids, images) | "Image sides" >> beam.Flatten() | "Find images" >> Lookup(IMAGES)
        return urls, found


def ask_urls(source: Source, buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a part of documents for the URLs of its images."""
    if source.kind == "documents":
        yield from ask(source.number, (p.image.url for p in read_places(source.path, with_texts=False)), buckets)


def ask_images(source: Source, buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a part for the images whose ids it knows already: ``data:`` images and pairs."""
    if source.kind == "texts":
        return
    is_pairs = source.kind == "pairs"
    places = read_pairs(source.path) if is_pairs else read_places(source.path, with_texts=False)
    yield from ask(source.number, (p.image.image_id for p in places if p.image.image_id is not None), buckets)


def ask_fetched(found: tuple[int, Found], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions for the images that a source's URLs gave."""
    source, urls = found
    outcomes = (UrlOutcome(*packed) for _, packed in urls.records)
    yield from ask(source, (outcome.image_id for outcome in outcomes if outcome.image_id), buckets)


def hold_fetches(path: str, buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the outcomes of URLs by bucket."""
    yield from hold(pack_outcomes(path), buckets)


def hold_images(numbered: tuple[int, str], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the stored images by bucket."""
    yield from hold(pack_images(*numbered), buckets)
