"""What the job derives from the committed documents and the recipe's inputs: functions of the input alone."""

import math

from pipelines.fetch.portions import HostCounts
from pipelines.inputs.pairs import pair_files
from pipelines.inputs.planning import ItemKind, WorkItem, plan_pages
from pipelines.runs import storage
from pipelines.runs.job import JobContext
from schemas.recipe import Recipe

URLS_PER_BUCKET = 1_000
URLS_PER_PORTION = 10_000
"""Of a host with more: what is asked for again when a worker dies, and what waits on its disk (100 kB each: 1 GB)."""

HOSTS_PER_BUCKET = 50_000
IMAGES_PER_BUCKET = 50_000
BYTES_OF_A_PAIR = 20_000
"""About what an image of a pair takes: turns the size of an input into a number of buckets, nothing else."""


def document_parts(context: JobContext) -> list[str]:
    """Returns the parts of documents."""
    return context.folder.part_paths("interleave")


def numbered_document_parts(context: JobContext) -> list[tuple[int, str]]:
    """Returns the parts of documents, numbered."""
    return list(enumerate(document_parts(context)))


def uncut_parts(context: JobContext) -> list[tuple[int, HostCounts]]:
    """Returns what reaches every part of documents, so that one without a host that is cut is read too."""
    return [(part, ()) for part in range(len(document_parts(context)))]


def embedded_parts(context: JobContext) -> list[str]:
    """Returns the parts of the images that pages hold themselves."""
    return context.folder.part_paths("interleave", "embedded")


def pair_parts(context: JobContext) -> list[str]:
    """Returns the files of pairs."""
    return pairs_of(context.recipe)


def archive_items(context: JobContext) -> list[WorkItem]:
    """Returns the archives that images are looked up in."""
    return archives_of(context.recipe)


def url_buckets(context: JobContext) -> int:
    """Returns the number of buckets of URLs."""
    return max(1, math.ceil(_num_places(context) / URLS_PER_BUCKET))


def host_buckets(context: JobContext) -> int:
    """Returns the number of buckets of hosts: a host has one row for each part."""
    return max(1, math.ceil(_num_places(context) / HOSTS_PER_BUCKET))


def image_buckets(context: JobContext) -> int:
    """Returns the number of buckets of images."""
    pair_bytes = sum(storage.size(path) for path in pairs_of(context.recipe) if storage.exists(path))
    return max(1, math.ceil((_num_places(context) + pair_bytes / BYTES_OF_A_PAIR) / IMAGES_PER_BUCKET))


def pairs_of(recipe: Recipe) -> list[str]:
    """Returns the files of pairs that a recipe names."""
    return pair_files(recipe.input.pairs, recipe.input.limit)


def archives_of(recipe: Recipe) -> list[WorkItem]:
    """Returns the archives that a recipe names."""
    items = plan_pages(recipe.input.pages, recipe.input.limit)
    return [item for item in items if item.kind is ItemKind.ARCHIVE]


def _num_places(context: JobContext) -> int:
    """Returns the number of image places of all documents: a bound on their URLs, known without opening a part."""
    return context.folder.committed("interleave").totals.get("images", 0)
