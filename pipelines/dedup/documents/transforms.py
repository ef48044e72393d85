"""Compares documents with one another, and paragraphs within their domains."""

import re
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.dedup.documents import groups
from pipelines.dedup.documents.keep import BY_IMAGES, BY_TEXT, BY_URL, Fate, Rule
from pipelines.dedup.judge_places import FEATURES
from pipelines.dedup.plans import PLACES, document_buckets, feature_paths, paragraph_buckets
from pipelines.dedup.write_verdicts import WriteParagraphVerdicts
from pipelines.runs.job import JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.tagged import Tagged, is_of_stream, of_stream
from pipelines.runs.transforms import RunGroups, of_several
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
        gone = (
            places
            | "Features" >> beam.FlatMap(_feature_parts, self._context)
            | "Spread features" >> beam.Reshuffle()
            | "Contaminated" >> beam.FlatMap(groups.contaminated_of_part)
        )
        # Of all rules so far, kept apart until they are grouped: the portable runners on the JVM can lose a collection
        # over a Flatten of a Flatten.
        fates = [gone]
        if self._settings.url == "latest":
            fates.append(self._best(fates, "URLs", BY_URL) | "URLs: fates" >> beam.FlatMap(of_stream, groups.FATES))
        if self._settings.image_set:
            fates.append(
                self._best(fates, "Image sets", BY_IMAGES)
                | "Image sets: fates" >> beam.FlatMap(of_stream, groups.FATES)
            )
        if self._settings.minhash_jaccard is not None:
            texts = self._best(fates, "Texts", BY_TEXT)
            near = texts | "Near" >> NearDuplicates(self._settings.minhash_jaccard, self._count)
            fates += [texts | "Texts: fates" >> beam.FlatMap(of_stream, groups.FATES), *near]
        return fates | "Fates" >> beam.Flatten()

    def _best(
        self, fates: list[PCollection[tuple[int, tuple[Fate, ...]]]], name: str, rule: Rule
    ) -> PCollection[Tagged]:
        """Returns what a rule keeps of the documents that the rules before it have left, and its fates."""
        return fates | f"{name}: fates before" >> beam.Flatten() | name >> KeepBest(self._context, rule, self._count)


class KeepBest(beam.PTransform):
    """Gives two streams: the best document of each value, by bucket of the value, and the fates of the others by part.

    Takes the fates so far, at least an empty batch for each part. Documents are compared within their part first and
    then over all parts: a value has at most one row for each part in a group, whatever the input repeats.
    """

    def __init__(self, context: JobContext, rule: Rule, count: Planned[int]) -> None:
        super().__init__()
        self._rule, self._count = rule, count
        self._paths = Planned(context, feature_paths)

    def expand(self, gone: PCollection[tuple[int, tuple[Fate, ...]]]) -> PCollection[Tagged]:
        of_parts = (
            gone
            | "Group by part" >> beam.GroupByKey()
            | "Best of parts" >> beam.FlatMap(Late(groups.best_of_part, self._paths, self._rule, self._count))
        )
        of_all = (
            of_parts
            | "Kept of parts" >> beam.FlatMap(of_stream, groups.KEPT)
            | "Group by value" >> beam.GroupByKey()
            | "Best of all" >> beam.FlatMap(Late(groups.best_of_bucket, self._rule, self._count))
        )
        beaten = of_parts | "Beaten in parts" >> beam.Filter(is_of_stream, groups.FATES)
        return (of_all, beaten) | "Kept and fates" >> beam.Flatten()


class NearDuplicates(beam.PTransform):
    """Gives the fates of documents whose text is like that of a better one, in two collections.

    Takes texts that are all unlike, as ``KeepBest`` gives them.

    Keys of bands go first, without signatures: only documents that share a band with another bring theirs.
    """

    def __init__(self, jaccard: float, count: Planned[int]) -> None:
        super().__init__()
        self._jaccard, self._count = jaccard, count

    @of_several
    def expand(self, texts: PCollection[Tagged]) -> tuple[PCollection[tuple[int, tuple[Fate, ...]]], ...]:
        documents = texts | "Documents" >> beam.FlatMap(of_stream, groups.KEPT)
        bands = documents | "Bands" >> beam.FlatMap(Late(groups.band_members, self._jaccard, self._count))
        shared = (
            bands
            | "Members" >> beam.FlatMap(of_stream, groups.BAND)
            | "Group bands" >> beam.GroupByKey()
            | "Shared" >> beam.FlatMap(Late(groups.shared_bands, self._count))
        )
        fates = (
            (shared, documents)
            | "Members and signatures" >> beam.Flatten()
            | "Group members" >> beam.GroupByKey()
            | "Signed" >> beam.FlatMap(Late(groups.signed_members, self._count))
            | "Group signed" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(groups.near_duplicate_group, self._jaccard)
        )
        return fates, bands | "Beaten in buckets" >> beam.FlatMap(of_stream, groups.FATES)


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
