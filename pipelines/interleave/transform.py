"""The job ``interleave``: archives and folders of pages to documents, map-only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.inputs.planning import ItemKind, WorkItem, input_files, plan_pages, plan_texts
from pipelines.inputs.reading import archive_problem, read_pages
from pipelines.inputs.texts import read_texts
from pipelines.interleave.document import PageResult, extract_pages
from pipelines.interleave.language import identify_language
from pipelines.interleave.page_images import JOB as NAME
from pipelines.interleave.text_rows import make_text_row
from pipelines.runs import storage
from pipelines.runs.job import Job, JobContext
from pipelines.runs.output import REJECTED, ItemOutput
from pipelines.runs.transforms import RunItems, Worker
from schemas.documents import Document
from schemas.embedded import EmbeddedImage
from schemas.pages import Page
from schemas.recipe import InterleaveSettings, Recipe
from schemas.rejections import Rejection
from schemas.summary import WorkReport

EMBEDDED = "embedded"
EMBEDDED_BYTES = "embedded_bytes"
TEXTS = "texts"

BATCH_PAGES = 64
BATCH_BYTES = 8_000_000
"""Bytes of pages that are held at one time, give or take the last one."""


class InterleaveWorker(Worker[WorkItem]):
    """Reads the pages of a work item and writes their documents."""

    def __init__(self, settings: InterleaveSettings) -> None:
        self._settings = settings

    def setup(self) -> None:
        """Loads the language model, which takes seconds, before the first page."""
        identify_language("The language model is loaded once in each process.")

    def run(self, item: WorkItem, output: ItemOutput) -> None:
        """Reads the item's pages in order; each becomes a document or a rejection."""
        problem = archive_problem(item, storage.open_read)
        if item.is_first:
            n_files = len(item.paths)
            output.count("archive", n_in=n_files, n_out=0 if problem else n_files)
        if problem is not None:
            if item.is_first:
                output.reject("archive", problem)
            return
        if item.kind is ItemKind.TEXT:
            _write_texts(item, output)
        else:
            self._write_pages(item, output)

    def _write_pages(self, item: WorkItem, output: ItemOutput) -> None:
        seen: set[str] = set()
        pages = read_pages(item, storage.open_read, max_page_bytes=self._settings.max_page_bytes)
        for batch in _batches(pages):
            results = self._extract([page for page in batch if isinstance(page, Page)])
            output.count("record", n_in=len(batch))
            following = iter(results)
            for page in batch:
                if isinstance(page, Page):
                    _write_result(next(following), output, seen)
                else:
                    output.reject("record", page)
            _count(results, output)

    def _extract(self, pages: list[Page]) -> list[PageResult]:
        settings = self._settings
        return extract_pages(
            pages, parser=settings.parser, max_images=settings.max_images, css_images=settings.css_images
        )


def _batches(pages: Iterable[Page | Rejection]) -> Iterator[list[Page | Rejection]]:
    """Yields what was read in groups that are held at one time: small ones, but enough to be measured together."""
    batch: list[Page | Rejection] = []
    n_bytes = 0
    for page in pages:
        batch.append(page)
        n_bytes += len(page.body) if isinstance(page, Page) else 0
        if len(batch) >= BATCH_PAGES or n_bytes >= BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch


def _write_texts(item: WorkItem, output: ItemOutput) -> None:
    with storage.open_read(item.paths[0]) as file:
        for raw in read_texts(item, file):
            output.count("text", n_in=1)
            if isinstance(raw, Rejection):
                output.reject("text", raw)
            else:
                output.write(make_text_row(raw), TEXTS)
                output.count("text", n_out=1)


def _write_result(result: PageResult, output: ItemOutput, seen: set[str]) -> None:
    """Writes what became of a page; ``seen`` are the ids of the embedded images that the item has written."""
    for rejection in result.rejected_images:
        output.write(rejection, REJECTED)
    if isinstance(result.outcome, Rejection):
        output.reject("record", result.outcome)
    else:
        _write_embedded(result, output, seen)
        output.write(result.outcome)


def _write_embedded(result: PageResult, output: ItemOutput, seen: set[str]) -> None:
    for image_id, embedded in result.embedded.items():
        if image_id not in seen:
            seen.add(image_id)
            pointer = output.tar(EMBEDDED_BYTES).add(image_id, embedded.data)
            output.write(EmbeddedImage(image_id=image_id, media_type=embedded.media_type, pointer=pointer), EMBEDDED)


def _count(results: list[PageResult], output: ItemOutput) -> None:
    """Adds what became of the images of pages, and the documents made of them."""
    n_images = sum(result.n_images for result in results)
    reasons = Counter(rejection.reason for result in results for rejection in result.rejected_images)
    output.count(
        "image",
        n_in=n_images,
        n_out=n_images - reasons.total(),
        rejected={reason.value: n for reason, n in reasons.items()},
    )
    documents = [result.outcome for result in results if isinstance(result.outcome, Document)]
    output.count("record", n_out=len(documents))
    for document in documents:
        output.total("images", sum(1 for _ in document.images()))
        output.total("text_characters", sum(len(segment.text) for _, segment in document.texts()))


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return {"input": recipe.input, "interleave": recipe.interleave}


def _inputs(recipe: Recipe) -> list[str]:
    pages = [path for item in plan_pages(recipe.input.pages, recipe.input.limit) for path in item.paths]
    return list(dict.fromkeys(pages + input_files(recipe.input.text, recipe.input.limit)))


def plan_inputs(context: JobContext) -> list[WorkItem]:
    """Returns the work items of all inputs of pages and texts."""
    settings = context.recipe.input
    return [*plan_pages(settings.pages, settings.limit), *plan_texts(settings.text, settings.limit)]


def _build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    worker = InterleaveWorker(context.recipe.interleave)
    return root | "Interleave" >> RunItems(context, worker, plan_inputs)


JOB = Job(name=NAME, unit="record", needs=(), settings=_settings, inputs=_inputs, build=_build)
