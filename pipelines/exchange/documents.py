"""Documents from elsewhere as the committed output of ``interleave``: the jobs after it go on from there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipelines.exchange.stored import ExchangeError
from pipelines.interleave.language import identify_language
from pipelines.interleave.text_statistics import PARAGRAPH_SEPARATOR, describe
from pipelines.interleave.urls import UrlError, host_of, normalise_page_url, page_id, registrable_domain
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from schemas.digests import json_digest
from schemas.documents import Document, Segment, TextSegment
from schemas.recipe import FetchSettings, InputSettings, Recipe
from schemas.rejections import Rejection, RejectReason
from schemas.summary import JobSummary, UnitCounts, WorkReport

JOB, UNIT = "interleave", "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDocument:
    """What another format says of a page."""

    url: str
    segments: tuple[Segment, ...]


Reader = Callable[[str], Iterator["ImportedDocument | str"]]
"""Yields the documents of a file; for a row that is none, what is wrong with it."""


def import_documents(patterns: Sequence[str], run: str, read: Reader) -> UnitCounts:
    """Writes the documents of foreign files as the committed job ``interleave`` of a run; returns its counts.

    Rows that are no documents are rejections of that job, with their reason.

    Raises:
        ExchangeError: A pattern names no file, no row of any file is a document, or the run folder has documents
            already.
    """
    folder = RunFolder(run)
    if folder.summary(JOB) is not None:
        raise ExchangeError(f"{run} has documents already: give a folder of its own to each import")
    files = [file for pattern in patterns for file in _files(pattern)]
    context = JobContext(
        run=run,
        job=JOB,
        # Only says where the documents came from: no setting of it is used.
        recipe=Recipe(
            version=1, run=run, input=InputSettings(pages=tuple(files)), fetch=FetchSettings(source="archive")
        ),
        fingerprint=json_digest(files),
    )
    total = WorkReport()
    for number, file in enumerate(files):
        with ItemOutput(context, number, len(files), "import") as output:
            _import_file(file, read, output)
        total = total + output.report
    summary = JobSummary(
        job=JOB,
        fingerprint=context.fingerprint,
        unit=UNIT,
        counts=total.counts,
        totals=total.totals,
        parts=total.parts,
    )
    counts = summary.main()
    if counts.n_in and not counts.n_out:
        raise ExchangeError(f"none of the {counts.n_in:,} rows of {files[0]} is a document: is it of that format?")
    folder.commit(summary)
    return counts


def _files(pattern: str) -> list[str]:
    found = storage.list_files(pattern)
    if not found:
        raise ExchangeError(f"{pattern}: no such file")
    return found


def _import_file(file: str, read: Reader, output: ItemOutput) -> None:
    for number, item in enumerate(read(file)):
        output.count(UNIT, n_in=1)
        document = item if isinstance(item, str) else _document(item, file, number)
        if isinstance(document, str):
            name = f"{file}:{number}"
            output.reject(UNIT, Rejection(job=JOB, kind=UNIT, item=name, reason=RejectReason.BAD_ROW, detail=document))
            continue
        output.write(document)
        output.count(UNIT, n_out=1)
        output.total("images", sum(1 for _ in document.images()))
        output.total("text_characters", sum(len(segment.text) for _, segment in document.texts()))


def _document(imported: ImportedDocument, archive: str, number: int) -> Document | str:
    if not imported.segments:
        return "has neither text nor image"
    try:
        url = normalise_page_url(imported.url)
    except UrlError as error:
        return str(error)
    text = PARAGRAPH_SEPARATOR.join(s.text for s in imported.segments if isinstance(s, TextSegment))
    language, score = identify_language(text)
    statistics, paragraphs = describe(text, language) if text else (None, ())
    segments: list[Segment] = []
    first = 0
    for segment in imported.segments:
        if isinstance(segment, TextSegment):
            last = first + segment.text.count(PARAGRAPH_SEPARATOR) + 1
            segments.append(TextSegment(text=segment.text, statistics=paragraphs[first:last]))
            first = last
        else:
            segments.append(segment)
    return Document(
        document_id=page_id(url),
        url=url,
        domain=registrable_domain(host_of(url)),
        title=None,
        language=language,
        language_score=score,
        archive=archive,
        record_offset=number,
        record_length=0,
        crawl_time=None,
        segments=tuple(segments),
        statistics=statistics,
    )
