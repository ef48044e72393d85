"""Pages of Parquet and JSONL files with ``url`` and ``html``."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pipelines.inputs.tables import TableError, read_json_lines, read_parquet_rows
from pipelines.inputs.warc_pages import JOB, parse_date
from schemas.pages import Page
from schemas.rejections import Rejection, RejectReason

COLUMNS = ("url", "html")
OPTIONAL = ("content_type", "crawl_time")


def read_table_pages(file: BinaryIO, archive: str, *, max_page_bytes: int) -> Iterator[Page | Rejection]:
    """Yields a page or a rejection for each row; a file that cannot be read on ends in a rejection.

    Args:
        file: Opened for reading, seekable.
        archive: Its path; ``.parquet`` is read as Parquet, everything else as JSONL.
        max_page_bytes: Longer pages are refused.
    """
    number = 0
    try:
        for number, row in _rows(file, archive):  # the number is told when reading ends early
            yield _page(row, archive, number, max_page_bytes)
    except TableError as error:
        yield _reject(archive, number, RejectReason.DAMAGED, str(error))


def _rows(file: BinaryIO, archive: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    if archive.lower().endswith(".parquet"):
        yield from enumerate(read_parquet_rows(file, COLUMNS, OPTIONAL))
    else:
        yield from read_json_lines(file)


def _page(row: dict[str, Any] | str, archive: str, number: int, max_page_bytes: int) -> Page | Rejection:
    if isinstance(row, str):
        return _reject(archive, number, RejectReason.BAD_ROW, row)
    url, html = row.get("url"), row.get("html")
    if not isinstance(url, str) or not isinstance(html, (str, bytes)):
        return _reject(archive, number, RejectReason.BAD_ROW, "url must be a string, html a string or bytes")
    # Text is handed on as UTF-8 and declared as such: what its <meta> says was true of other bytes.
    body = html.encode("utf-8", "replace") if isinstance(html, str) else html
    if not body.strip():
        return _reject(archive, number, RejectReason.EMPTY_BODY, url[:300])
    if len(body) > max_page_bytes:
        return _reject(archive, number, RejectReason.PAGE_TOO_LARGE, f"{len(body)} bytes, at most {max_page_bytes}")
    content_type = row.get("content_type")
    crawl_time = row.get("crawl_time")
    return Page(
        url=url,
        body=body,
        content_type="text/html; charset=utf-8" if isinstance(html, str) else _text_or_none(content_type),
        crawl_time=parse_date(crawl_time) if isinstance(crawl_time, str) else None,
        archive=archive,
        record_offset=number,
        record_length=0,
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _reject(archive: str, number: int, reason: RejectReason, detail: str) -> Rejection:
    return Rejection(job=JOB, kind="record", item=f"{archive}:{number}", reason=reason, detail=detail)
