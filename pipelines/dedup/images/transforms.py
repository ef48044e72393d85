"""Counts the occurrences of images over all documents."""

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from pipelines.dedup.images import groups
from pipelines.dedup.plans import document_parts, image_buckets, present_parts
from pipelines.fetch.store import image_limits
from pipelines.joins.plans import fetch_parts, image_parts
from pipelines.runs.job import JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.tagged import Tagged, of_stream
from pipelines.runs.transforms import Elements, Spread


class CountImages(beam.PTransform):
    """Gives two streams: the facts on the images of each part of documents, and the verdicts on images by bucket."""

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._context = context
        self._maximum = context.recipe.dedup.images.max_occurrences
        self._radius = context.recipe.dedup.images.hamming_radius
        self._count = Planned(context, image_buckets)
        self._evaluation = (context.recipe.dedup.decontaminate, image_limits(context.recipe.fetch))

    def expand(self, root: PBegin) -> PCollection[Tagged]:
        urls = self._count_urls(root)
        present = root | "Parts" >> Elements(self._context, present_parts)
        return (present, urls, *self._count_contents(root, urls)) | "Facts and verdicts" >> beam.Flatten()

    def _count_urls(self, root: PBegin) -> PCollection[Tagged]:
        referred = (
            root
            | "Documents" >> Spread(self._context, document_parts)
            | "Read URLs" >> beam.FlatMap(Late(groups.urls_of_part, self._count))
        )
        fetched = (
            root
            | "Fetches" >> Spread(self._context, fetch_parts)
            | "Read fetches" >> beam.FlatMap(Late(groups.fetched_urls, self._count))
        )
        return (
            (referred, fetched)
            | "URLs" >> beam.Flatten()
            | "Group URLs" >> beam.GroupByKey()
            | "Count URLs" >> beam.FlatMap(Late(groups.count_url_group, self._maximum, self._count))
        )

    def _count_contents(self, root: PBegin, urls: PCollection[Tagged]) -> list[PCollection[Tagged]]:
        stored = (
            root
            | "Images" >> Spread(self._context, image_parts)
            | "Read hashes" >> beam.FlatMap(Late(groups.phashes_of_part, self._count))
        )
        images = (
            (urls | "Contents" >> beam.FlatMap(of_stream, groups.CONTENT), stored)
            | "Contents and hashes" >> beam.Flatten()
            | "Group contents" >> beam.GroupByKey()
            | "Count contents"
            >> beam.FlatMap(Late(groups.count_image_group, self._radius, self._count, self._evaluation))
        )
        waiting = images | "Waiting" >> beam.FlatMap(of_stream, groups.WAITING)
        decided = (
            (waiting, *self._neighbours(images))
            | "Contents and neighbours" >> beam.Flatten()
            | "Group hashes" >> beam.GroupByKey()
            | "Decide" >> beam.FlatMap(Late(groups.decide_group, self._maximum, self._count))
        )
        return [images, decided]

    def _neighbours(self, images: PCollection[Tagged]) -> list[PCollection[tuple[int, dict[str, int]]]]:
        if self._radius is None:
            return []
        return [
            images
            | "Bands" >> beam.FlatMap(of_stream, groups.BAND)
            | "Group bands" >> beam.GroupByKey()
            | "Neighbours" >> beam.FlatMap(Late(groups.neighbour_group, self._radius, self._maximum, self._count))
        ]
