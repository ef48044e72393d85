"""Numbers of buckets, from what upstream jobs committed: functions of the input alone."""

from pipelines.runs.job import JobContext

ITEMS_PER_BUCKET = 50_000
"""Ids or URLs of one bucket: what one worker holds at one time."""

CHARACTERS_OF_A_PARAGRAPH = 200
"""About what a paragraph has: turns the length of all text into a number of buckets, nothing else."""


def num_parts(context: JobContext) -> int:
    """Returns the number of parts of documents."""
    return len(context.folder.committed("interleave").table(""))


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
