"""Brings the verdicts of ``dedup`` to the sources that they are about. Only ids and digests are shuffled."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.joins.columns import read_columns
from pipelines.joins.lookup import Found, ask, hold, num_buckets
from pipelines.joins.sources import Source, num_rows
from pipelines.joins.transform import IMAGES, Lookup
from pipelines.runs.folder import read_part
from pipelines.runs.job import JobContext
from pipelines.select.facts import VERDICTS
from schemas.errors import SchemaError
from schemas.verdicts import Verdict

_REFERENCES = ("archive", "record_offset", "segments.list.element.url")


class FindVerdicts(beam.PTransform):
    """Finds the verdicts on each source's documents, places, paragraphs and images: ``(source, Found)``.

    Takes what ``FindImages`` found, for the ids of the images.
    """

    def __init__(self, context: JobContext, sources: list[Source]) -> None:
        super().__init__()
        dedup = context.folder.committed("dedup")
        self._paths = context.folder.part_paths("dedup")
        self._buckets = num_buckets(num_rows(dedup, ""))
        features = context.folder.part_paths("dedup", "features")
        self._items = list(with_features([s for s in sources if s.kind == "documents"], features))

    def expand(self, images: PCollection[tuple[int, Found]]) -> PCollection[tuple[int, Found]]:
        root = images.pipeline
        asked = (
            root
            | "Documents" >> beam.Create(self._items, reshuffle=False)
            | "Spread documents" >> beam.Reshuffle()
            | "Ask for documents" >> beam.FlatMap(ask_documents, self._buckets)
        )
        held = (
            root
            | "Parts" >> beam.Create(self._paths, reshuffle=False)
            | "Spread parts" >> beam.Reshuffle()
            | "Hold verdicts" >> beam.FlatMap(hold_verdicts, self._buckets)
        )
        asked_ids = images | "Ask for ids" >> beam.FlatMap(ask_image_ids, self._buckets)
        return (asked, asked_ids, held) | "Sides" >> beam.Flatten() | "Find" >> Lookup(VERDICTS)


def with_features(documents: list[Source], features: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yields ``(number, part of documents, part of their features)``; ``dedup`` writes the features part by part.

    Raises:
        SchemaError: There are not as many parts of one as of the other.
    """
    if len(documents) != len(features):
        raise SchemaError(
            f"there are {len(documents)} parts of documents but {len(features)} of features: run dedup again"
        )
    for source, path in zip(documents, features, strict=True):
        yield source.number, source.path, path


def ask_documents(item: tuple[int, str, str], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a part of documents for its captures, the URLs of its images and its paragraphs."""
    number, path, features = item
    keys = dict.fromkeys((*_references(path), *_paragraphs(features)))
    yield from ask(number, keys, buckets)


def ask_image_ids(found: tuple[int, Found], buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields the questions of a source for the ids of its images."""
    number, answer = found
    if answer.table == IMAGES:
        yield from ask(number, (image_id for image_id, _ in answer.records), buckets)


def hold_verdicts(path: str, buckets: int) -> Iterator[tuple[int, Any]]:
    """Yields verdicts by bucket of the item that they are about."""
    yield from hold(((verdict.item, verdict) for verdict in read_part(path, Verdict)), buckets)


def _references(path: str) -> Iterator[str]:
    for row in read_columns(path, _REFERENCES):
        yield f"{row['archive']}:{row['record_offset']}"
        yield from (segment["url"] for segment in row["segments"] if segment["url"] is not None)


def _paragraphs(path: str) -> Iterator[str]:
    for row in read_columns(path, ("paragraphs",)):
        yield from row["paragraphs"]
