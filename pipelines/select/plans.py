"""What the job derives from what upstream jobs committed: functions of the input alone."""

import re

from pipelines.joins.lookup import Found, num_buckets
from pipelines.joins.plans import seeds_of
from pipelines.joins.sources import Source, list_sources, num_rows
from pipelines.runs.job import JobContext
from schemas.errors import SchemaError

CANDIDATES = "candidates"

_SCORE_PART = re.compile(r"part-places-(?P<number>\d+)-of-\d+\.parquet$")


def all_sources(context: JobContext) -> list[Source]:
    """Returns the parts that samples are made of."""
    return list_sources(context.folder)


def num_sources(context: JobContext) -> int:
    """Returns the number of these parts."""
    return len(all_sources(context))


def seeds(context: JobContext) -> list[tuple[int, Found]]:
    """Returns what reaches every part, so that one of which nothing is known is worked on too."""
    return seeds_of(all_sources(context))


def documents_with_features(context: JobContext) -> list[tuple[int, str, str]]:
    """Returns ``(number, part of documents, part of their features)``; ``dedup`` writes the features part by part.

    Raises:
        SchemaError: There are not as many parts of one as of the other.
    """
    documents = list_sources(context.folder, ("documents",))
    features = context.folder.part_paths("dedup", "features")
    if len(documents) != len(features):
        raise SchemaError(
            f"there are {len(documents)} parts of documents but {len(features)} of features: run dedup again"
        )
    return [(source.number, source.path, path) for source, path in zip(documents, features, strict=True)]


def verdict_parts(context: JobContext) -> list[str]:
    """Returns the parts of verdicts."""
    return context.folder.part_paths("dedup")


def verdict_buckets(context: JobContext) -> int:
    """Returns the number of buckets of verdicts."""
    return num_buckets(num_rows(context.folder.committed("dedup"), ""))


def score_paths(context: JobContext) -> dict[int, str]:
    """Returns the part of scores of each source that has one: ``score`` numbers its parts as the sources."""
    found = {path: _SCORE_PART.search(path) for path in context.folder.part_paths("score")}
    return {int(match["number"]): path for path, match in found.items() if match}


def candidate_paths(context: JobContext) -> list[str]:
    """Returns where the candidates that each source offers are written."""
    count = num_sources(context)
    names = [f"part-sources-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    return [context.folder.path(context.job, CANDIDATES, name) for name in names]


def candidate_numbers(context: JobContext) -> dict[str, int]:
    """Returns the number of the source that wrote a file of candidates, by path."""
    return {path: number for number, path in enumerate(candidate_paths(context))}
