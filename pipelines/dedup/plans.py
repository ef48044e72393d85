"""What the job derives from what upstream jobs committed: functions of the input alone."""

from pipelines.dedup.images.groups import PART
from pipelines.dedup.judge_places import FEATURES, PRESENT
from pipelines.runs.job import JobContext
from pipelines.runs.tagged import Tagged

PLACES = "places"
"""Phase of the step that writes the features: names their parts."""

ITEMS_PER_BUCKET = 50_000
"""Ids or URLs of one bucket: what one worker holds at one time."""

CHARACTERS_OF_A_PARAGRAPH = 200
"""About what a paragraph has: turns the length of all text into a number of buckets, nothing else."""


def num_parts(context: JobContext) -> int:
    """Returns the number of parts of documents."""
    return len(context.folder.committed("interleave").table(""))


def document_parts(context: JobContext) -> list[tuple[int, str]]:
    """Returns the parts of documents, numbered."""
    return list(enumerate(context.folder.part_paths("interleave")))


def present_parts(context: JobContext) -> list[Tagged]:
    """Returns what reaches every part of documents, so that one without images is judged too."""
    return [(PART, (part, (PRESENT, ()))) for part in range(num_parts(context))]


def feature_paths(context: JobContext) -> list[str]:
    """Returns where the features of each part of documents are written."""
    count = num_parts(context)
    names = (f"part-{PLACES}-{part:05d}-of-{count:05d}.parquet" for part in range(count))
    return [context.folder.path(context.job, FEATURES, name) for name in names]


def num_documents(context: JobContext) -> int:
    """Returns the number of captures."""
    return sum(part.rows for part in context.folder.committed("interleave").table(""))


def image_buckets(context: JobContext) -> int:
    """Returns the number of buckets of URLs and image ids."""
    return buckets(context.folder.committed("fetch").main().n_in)


def document_buckets(context: JobContext) -> int:
    """Returns the number of buckets of captures."""
    return buckets(num_documents(context))


def paragraph_buckets(context: JobContext) -> int:
    """Returns the number of buckets of paragraphs."""
    characters = context.folder.committed("interleave").totals.get("text_characters", 0)
    return buckets(characters // CHARACTERS_OF_A_PARAGRAPH)


def buckets(items: int) -> int:
    """Returns the number of buckets for so many items."""
    return max(1, -(-items // ITEMS_PER_BUCKET))
