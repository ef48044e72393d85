"""Counts the occurrences of images over all documents."""

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from pipelines.dedup.images import groups
from pipelines.dedup.judge_places import PRESENT
from pipelines.dedup.sizes import image_buckets, num_parts
from pipelines.dedup.tagged import Tagged, of_stream
from pipelines.fetch.store import image_limits
from pipelines.runs.job import JobContext


class CountImages(beam.PTransform):
    """Gives two streams: the facts on the images of each part of documents, and the verdicts on images by bucket."""

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._context = context
        self._maximum = context.recipe.dedup.images.max_occurrences
        self._radius = context.recipe.dedup.images.hamming_radius
        self._count = image_buckets(context)
        self._evaluation = (context.recipe.dedup.decontaminate, image_limits(context.recipe.fetch))

    def expand(self, root: PBegin) -> PCollection[Tagged]:
        urls = self._count_urls(root)
        parts = [(groups.PART, (part, (PRESENT, ()))) for part in range(num_parts(self._context))]
        present = root | "Parts" >> beam.Create(parts)
        return (present, urls, *self._count_contents(root, urls)) | "Facts and verdicts" >> beam.Flatten()

    def _count_urls(self, root: PBegin) -> PCollection[Tagged]:
        folder = self._context.folder
        parts = list(enumerate(folder.part_paths("interleave")))
        referred = (
            root
            | "Documents" >> beam.Create(parts, reshuffle=False)
            | "Spread documents" >> beam.Reshuffle()
            | "Read URLs" >> beam.FlatMap(groups.urls_of_part, self._count)
        )
        fetched = (
            root
            | "Fetches" >> beam.Create(folder.part_paths("fetch", "fetches"), reshuffle=False)
            | "Spread fetches" >> beam.Reshuffle()
            | "Read fetches" >> beam.FlatMap(groups.fetched_urls, self._count)
        )
        return (
            (referred, fetched)
            | "URLs" >> beam.Flatten()
            | "Group URLs" >> beam.GroupByKey()
            | "Count URLs" >> beam.FlatMap(groups.count_url_group, self._maximum, self._count)
        )

    def _count_contents(self, root: PBegin, urls: PCollection[Tagged]) -> list[PCollection[Tagged]]:
        stored = (
            root
            | "Images" >> beam.Create(self._context.folder.part_paths("fetch"), reshuffle=False)
            | "Spread images" >> beam.Reshuffle()
            | "Read hashes" >> beam.FlatMap(groups.phashes_of_part, self._count)
        )
        images = (
            (urls | "Contents" >> beam.FlatMap(of_stream, groups.CONTENT), stored)
            | "Contents and hashes" >> beam.Flatten()
            | "Group contents" >> beam.GroupByKey()
            | "Count contents" >> beam.FlatMap(groups.count_image_group, self._radius, self._count, self._evaluation)
        )
        waiting = images | "Waiting" >> beam.FlatMap(of_stream, groups.WAITING)
        decided = (
            (waiting, *self._neighbours(images))
            | "Contents and neighbours" >> beam.Flatten()
            | "Group hashes" >> beam.GroupByKey()
            | "Decide" >> beam.FlatMap(groups.decide_group, self._maximum, self._count)
        )
        return [images, decided]

    def _neighbours(self, images: PCollection[Tagged]) -> list[PCollection[tuple[int, dict[str, int]]]]:
        if self._radius is None:
            return []
        return [
            images
            | "Bands" >> beam.FlatMap(of_stream, groups.BAND)
            | "Group bands" >> beam.GroupByKey()
            | "Neighbours" >> beam.FlatMap(groups.neighbour_group, self._radius, self._maximum, self._count)
        ]
