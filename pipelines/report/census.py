"""Counts the input of a recipe without reading it: files, bytes, and the pages of a small sample."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from pipelines.fetch.urls import host_of
from pipelines.inputs.pairs import pair_files
from pipelines.inputs.planning import ItemKind, WorkItem, plan_pages, plan_texts
from pipelines.inputs.reading import archive_problem, read_pages
from pipelines.interleave.document import extract_page
from pipelines.report.scale import Census
from pipelines.runs import storage
from schemas.documents import Document
from schemas.pages import Page
from schemas.recipe import InterleaveSettings, Recipe

SAMPLED_ITEMS = 3
SAMPLED_BYTES = 4 << 20
"""Of each sampled work item: some hundred pages."""

EXTRACTED_PAGES = 50
"""Of each sampled work item; extraction takes milliseconds a page."""


def take_census(recipe: Recipe) -> Census:
    """Returns the size of a recipe's input.

    Raises:
        StorageError: A file cannot be read.
    """
    pages = [i for i in plan_pages(recipe.input.pages, recipe.input.limit) if i.kind is not ItemKind.MISSING]
    texts = [i for i in plan_texts(recipe.input.text, recipe.input.limit) if i.kind is not ItemKind.MISSING]
    pairs = [path for path in pair_files(recipe.input.pairs, recipe.input.limit) if storage.exists(path)]
    sizes = {path: size for item in (*pages, *texts) for path, size in zip(item.paths, item.sizes, strict=True)}
    sizes |= {path: storage.size(path) for path in pairs}
    n_pages, n_bytes, images = _sample(pages, recipe.interleave)
    hosts = Counter(host for page in images for host in page)
    # An image that a page holds itself has no host.
    largest = max(((n, host) for host, n in hosts.items() if host), default=(0, None))
    page_bytes = sum(_bytes_of(item) for item in pages)
    return Census(
        files=len(sizes),
        n_bytes=sum(sizes.values()),
        work_items=len(pages) + len(texts),
        pages=round(page_bytes * n_pages / n_bytes) if n_bytes else 0,
        sampled_pages=n_pages,
        images_per_page=hosts.total() / len(images) if images else None,
        largest_host=largest[1],
        largest_host_share=largest[0] / max(1, hosts.total()),
    )


def _sample(items: Sequence[WorkItem], settings: InterleaveSettings) -> tuple[int, int, list[list[str]]]:
    """Returns pages and bytes of the sample, and the hosts of the images that pages of it refer to."""
    n_pages = n_bytes = 0
    images: list[list[str]] = []
    for item in _spread(items):
        if archive_problem(item, storage.open_read) is not None:
            continue
        part = _beginning(item)
        for page in read_pages(part, storage.open_read, max_page_bytes=settings.max_page_bytes):
            n_pages += 1
            if isinstance(page, Page) and len(images) < EXTRACTED_PAGES * SAMPLED_ITEMS:
                images.append(_image_hosts(page, settings))
        n_bytes += _bytes_of(part)
    return n_pages, n_bytes, images


def _spread(items: Sequence[WorkItem]) -> list[WorkItem]:
    """Returns the first, the last and those between: the same for the same input."""
    step = max(1, (len(items) - 1) // max(1, SAMPLED_ITEMS - 1))
    return list(itertools.islice(items, 0, None, step))[:SAMPLED_ITEMS]


def _beginning(item: WorkItem) -> WorkItem:
    if item.kind is not ItemKind.ARCHIVE:
        return item
    end = item.start + min(SAMPLED_BYTES, _bytes_of(item))
    return replace(item, end=None if end >= item.sizes[0] else end)


def _bytes_of(item: WorkItem) -> int:
    end = sum(item.sizes) if item.end is None else item.end
    return end - item.start


def _image_hosts(page: Page, settings: InterleaveSettings) -> list[str]:
    outcome = extract_page(page, parser=settings.parser, max_images=settings.max_images).outcome
    return [host_of(image.url) for _, image in outcome.images()] if isinstance(outcome, Document) else []
