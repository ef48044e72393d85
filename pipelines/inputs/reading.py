"""Reads work items: the pages in them, and what is wrong with their files."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from pipelines.inputs.arc_records import is_arc
from pipelines.inputs.folders import url_of_file
from pipelines.inputs.planning import ItemKind, WorkItem
from pipelines.inputs.table_pages import read_table_pages
from pipelines.inputs.warc_pages import JOB, read_warc_pages
from pipelines.inputs.warc_records import is_warc
from schemas.pages import Page
from schemas.rejections import Rejection, RejectReason

OpenRead = Callable[[str], BinaryIO]


def read_pages(item: WorkItem, open_read: OpenRead, *, max_page_bytes: int) -> Iterator[Page | Rejection]:
    """Yields the pages and rejections of a work item; ``archive_problem`` must have found nothing wrong with it.

    Args:
        item: What to read.
        open_read: Opens a path for reading bytes, seekable.
        max_page_bytes: Longer pages are refused.
    """
    if item.kind is ItemKind.FILES:
        for path in item.paths:
            yield _read_file(path, item.folder, open_read, max_page_bytes)
        return
    path, size = item.paths[0], item.sizes[0]
    with open_read(path) as file:
        if item.kind is ItemKind.TABLE:
            yield from read_table_pages(file, path, max_page_bytes=max_page_bytes)
        else:
            yield from read_warc_pages(file, size, path, max_page_bytes=max_page_bytes, start=item.start, end=item.end)


def archive_problem(item: WorkItem, open_read: OpenRead) -> Rejection | None:
    """Returns why the file of a work item cannot be read at all: missing, empty, or not what it should be."""
    path = item.paths[0]
    if item.kind is ItemKind.MISSING:
        return _reject_archive(path, RejectReason.INPUT_MISSING, "no file has this path or matches this pattern")
    if item.kind is ItemKind.FILES:
        return None
    if item.sizes[0] == 0:
        return _reject_archive(path, RejectReason.INPUT_EMPTY, "0 bytes")
    try:
        with open_read(path) as file:
            if item.kind is ItemKind.ARCHIVE and not (is_warc(file, item.sizes[0]) or is_arc(file, item.sizes[0])):
                head = _head(file)
                return _reject_archive(path, RejectReason.NOT_A_WARC, f"no WARC record in it; it begins {head!r}")
    except FileNotFoundError:
        return _reject_archive(path, RejectReason.INPUT_MISSING, "the file was there when the work was planned")
    return None


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(24)


def _read_file(path: str, folder: str, open_read: OpenRead, max_page_bytes: int) -> Page | Rejection:
    try:
        with open_read(path) as file:
            body = file.read(max_page_bytes + 1)
    except FileNotFoundError:
        return _reject_file(path, RejectReason.INPUT_MISSING, "the file was there when the work was planned")
    if not body.strip():
        return _reject_file(path, RejectReason.EMPTY_BODY, "nothing in it")
    if len(body) > max_page_bytes:
        return _reject_file(path, RejectReason.PAGE_TOO_LARGE, f"more than {max_page_bytes} bytes")
    return page_of_file(path, url_of_file(path, folder or path.rpartition("/")[0]), body)


def page_of_file(path: str, url: str, body: bytes) -> Page:
    """Returns the page that a file of HTML holds: what it was sent with is not known."""
    return Page(
        url=url,
        body=body,
        content_type=None,
        crawl_time=None,
        archive=path,
        record_offset=0,
        record_length=len(body),
    )


def _reject_archive(path: str, reason: RejectReason, detail: str) -> Rejection:
    return Rejection(job=JOB, kind="archive", item=path, reason=reason, detail=detail)


def _reject_file(path: str, reason: RejectReason, detail: str) -> Rejection:
    return Rejection(job=JOB, kind="record", item=f"{path}:0", reason=reason, detail=detail)
