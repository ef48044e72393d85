"""A run folder with committed documents, for tests of the jobs that read them."""

import pathlib
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from pipelines.engines.settings import EngineSettings
from pipelines.runs.job import Job, JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import RunItems, Worker
from schemas.digests import document_id
from schemas.documents import Document, ImageSegment, Segment, TextSegment
from schemas.recipe import FetchSettings, Recipe

INPROC = EngineSettings(name="inproc")


def document(url: str, segments: Sequence[Segment | str], *, offset: int = 0, time: str | None = None) -> Document:
    """Returns a document; a string that begins with ``http`` or ``data:`` is an image, any other one text."""
    return Document(
        document_id=document_id(url),
        url=url,
        domain=url.split("/")[2],
        title=None,
        language="en",
        language_score=1.0,
        archive="pages.warc.gz",
        record_offset=offset,
        record_length=1,
        crawl_time=time,
        segments=tuple(segment(s) if isinstance(s, str) else s for s in segments),
    )


def segment(text: str) -> Segment:
    """Returns an image for a URL, else a text."""
    return ImageSegment(url=text) if text.startswith(("http", "data:")) else TextSegment(text=text)


class _WriteDocuments(Worker[list[Document]]):
    def run(self, item: list[Document], output: ItemOutput) -> None:
        for document in item:
            output.write(document)
            output.total("images", sum(1 for _ in document.images()))
            output.count("document", n_in=1, n_out=1)


def documents_job(parts: list[list[Document]]) -> Job:
    """Returns a job that commits documents as ``interleave`` does."""

    def build(root: beam.Pipeline, context: JobContext) -> Any:
        return root | RunItems(context, _WriteDocuments(), lambda context: parts)

    return Job(name="interleave", unit="document", needs=(), settings=lambda recipe: {}, build=build)


def files(run: pathlib.Path) -> dict[str, bytes]:
    """Returns all files below a folder by relative path."""
    paths = sorted(path for path in run.rglob("*") if path.is_file())
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in paths}


def with_fetch(recipe: Recipe, fetch: FetchSettings) -> Recipe:
    """Returns the recipe with other settings of ``fetch``."""
    from dataclasses import replace

    return replace(recipe, fetch=fetch)
