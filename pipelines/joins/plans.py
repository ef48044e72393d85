"""What several jobs derive from what ``interleave`` and ``fetch`` committed: functions of the input alone."""

from pipelines.joins.lookup import SEED, Found, num_buckets
from pipelines.joins.sources import Source, num_rows
from pipelines.runs.job import JobContext


def url_buckets(context: JobContext) -> int:
    """Returns the number of buckets of URLs."""
    return num_buckets(num_rows(context.folder.committed("fetch"), "fetches"))


def image_buckets(context: JobContext) -> int:
    """Returns the number of buckets of images."""
    return num_buckets(num_rows(context.folder.committed("fetch"), ""))


def fetch_parts(context: JobContext) -> list[str]:
    """Returns the parts that say what became of each URL."""
    return context.folder.part_paths("fetch", "fetches")


def image_parts(context: JobContext) -> list[str]:
    """Returns the parts of the image store."""
    return context.folder.part_paths("fetch")


def numbered_image_parts(context: JobContext) -> list[tuple[int, str]]:
    """Returns the parts of the image store, numbered."""
    return list(enumerate(image_parts(context)))


def seeds_of(sources: list[Source]) -> list[tuple[int, Found]]:
    """Returns what reaches every source, so that one of which nothing is known is worked on too."""
    return [(source.number, SEED) for source in sources]
