"""Every text of a page of a run, and what became of it: the page is read again from its archive."""

from pipelines.inputs.folders import is_page_file
from pipelines.inputs.reading import page_of_file
from pipelines.inputs.warc_pages import read_warc_pages
from pipelines.interleave.explain import ExplainedText, explain_page
from pipelines.report.subject import find_subject
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.documents import Document
from schemas.pages import Page

MAX_PAGE_BYTES = 1 << 26


def page_texts(run: str, query: str) -> list[ExplainedText] | None:
    """Returns the texts of the page that ``query`` names in a run, in reading order; None where it names none.

    Raises:
        FileNotFoundError: The archive is no longer where it was read.
        ValueError: The archive holds no such page: it was changed, or is a table, whose rows are not read again.
    """
    documents = find_subject(RunFolder(run), query).documents
    if not documents:
        return None
    page = _read_again(documents[0])
    return explain_page(page.body, page.content_type, url=page.url)


def _read_again(document: Document) -> Page:
    path, offset = document.archive, document.record_offset
    with storage.open_read(path) as file:
        if is_page_file(path):
            return page_of_file(path, document.url, file.read(MAX_PAGE_BYTES))
        found = read_warc_pages(
            file, storage.size(path), path, max_page_bytes=MAX_PAGE_BYTES, start=offset, end=offset + 1
        )
        for page in found:
            if isinstance(page, Page) and page.record_offset == offset:
                return page
    raise ValueError(f"{path} holds no page at {offset} that can be read again: was it changed, or is it a table?")
