"""Compares documents with one another, and paragraphs within their domains."""

import re
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.dedup.documents import groups
from pipelines.dedup.documents.keep import DocumentKey, Fate
from pipelines.dedup.judge_places import FEATURES
from pipelines.dedup.plans import PLACES, document_buckets, feature_paths, no_fates, paragraph_buckets
from pipelines.dedup.write_verdicts import WriteParagraphVerdicts
from pipelines.runs.job import JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.tagged import of_stream
from pipelines.runs.transforms import Elements, RunGroups
from schemas.rejections import RejectReason
from schemas.summary import WorkReport

_NUMBER = re.compile(rf"part-{PLACES}-(\d+)-of-")


class CompareDocuments(beam.PTransform):
    """Gives the fates of the documents that are left out, by part; of each part at least an empty batch."""

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._context = context
        self._settings = context.recipe.dedup.documents
        self._count = Planned(context, document_buckets)

    def expand(self, places: PCollection[WorkReport]) -> PCollection[tuple[int, tuple[Fate, ...]]]:
        by_url: groups.Field = "document_id" if self._settings.url == "latest" else "occurrence"
        by_set: groups.Field = "image_set" if self._settings.image_set else "occurrence"
        keys = (
            places
            | "Features" >> beam.FlatMap(_feature_parts, self._context)
            | "Spread features" >> beam.Reshuffle()
            | "Read features" >> beam.FlatMap(Late(groups.read_keys, by_url, RejectReason.DUPLICATE_URL, self._count))
        )
        urls = (
            keys
            | "Kept of parts" >> beam.FlatMap(of_stream, groups.KEPT)
            | "Group by URL" >> beam.GroupByKey()
            | "Latest"
            >> beam.FlatMap(Late(groups.keep_best_group, by_url, RejectReason.DUPLICATE_URL, by_set, self._count))
        )
        sets = (
            urls
            | "Kept of URLs" >> beam.FlatMap(of_stream, groups.KEPT)
            | "Group by images" >> beam.GroupByKey()
            | "Image sets"
            >> beam.FlatMap(
                Late(groups.keep_best_group, by_set, RejectReason.DUPLICATE_IMAGE_SET, "occurrence", self._count)
            )
        )
        kept = sets | "Kept of image sets" >> beam.FlatMap(of_stream, groups.KEPT)
        fates = [
            places.pipeline | "No fates" >> Elements(self._context, no_fates),
            keys | "Fates within parts" >> beam.FlatMap(of_stream, groups.FATES),
            urls | "Fates by URL" >> beam.FlatMap(of_stream, groups.FATES),
            sets | "Fates by images" >> beam.FlatMap(of_stream, groups.FATES),
        ]
        if self._settings.minhash_jaccard is not None:
            fates.append(kept | "Near" >> NearDuplicates(self._settings.minhash_jaccard, self._count))
        return fates | "Fates" >> beam.Flatten()


class NearDuplicates(beam.PTransform):
    """Gives the fates of documents whose text is like that of a better one.

    Keys of bands go first, without signatures: only documents that share a band with another bring theirs.
    """

    def __init__(self, jaccard: float, count: Planned[int]) -> None:
        super().__init__()
        self._jaccard, self._count = jaccard, count

    def expand(
        self, documents: PCollection[tuple[int, list[DocumentKey]]]
    ) -> PCollection[tuple[int, tuple[Fate, ...]]]:
        shared = (
            documents
            | "Bands" >> beam.FlatMap(Late(groups.band_members, self._jaccard, self._count))
            | "Group bands" >> beam.GroupByKey()
            | "Shared" >> beam.FlatMap(Late(groups.shared_bands, self._count))
        )
        signed = documents | "By occurrence" >> beam.FlatMap(Late(groups.by_occurrence, self._count))
        return (
            (shared, signed)
            | "Members and signatures" >> beam.Flatten()
            | "Group members" >> beam.GroupByKey()
            | "Signed" >> beam.FlatMap(Late(groups.signed_members, self._count))
            | "Group signed" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(groups.near_duplicate_group, self._jaccard)
        )


class CountParagraphs(beam.PTransform):
    """Writes the verdicts on paragraphs that the kept documents of a domain repeat."""

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._context = context

    def expand(self, fates: PCollection[tuple[int, tuple[Fate, ...]]]) -> PCollection[WorkReport]:
        worker = WriteParagraphVerdicts(self._context)
        paths, count = Planned(self._context, feature_paths), Planned(self._context, paragraph_buckets)
        return (
            fates
            | "Group by part" >> beam.GroupByKey()
            | "Count" >> beam.FlatMap(Late(groups.count_paragraphs, paths, count))
            | "Write" >> RunGroups(self._context, worker, paragraph_buckets, phase="paragraphs")
        )


def _feature_parts(report: WorkReport, context: JobContext) -> Iterator[tuple[int, str]]:
    for part in report.parts:
        found = _NUMBER.search(part.path)
        if part.table == FEATURES and found:
            yield int(found[1]), context.folder.path(part.path)
