"""Pages of a WARC or ARC file: which records hold one, and why the others do not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from pipelines.inputs.arc_records import is_arc, read_arc
from pipelines.inputs.http_payload import PayloadError, decode_body, parse_response
from pipelines.inputs.warc_records import DamagedSpan, WarcRecord, read_warc
from schemas.pages import Page
from schemas.rejections import Rejection, RejectReason

JOB = "interleave"
HTML_TYPES = ("text/html", "application/xhtml+xml")
_HTML_HEAD = re.compile(
    rb"\s*(?:<!--|<!doctype\s+html|<html|<head|<body|<title|<script|<div|<p[\s>]|<h1|<table|<a\s|<style|<br|<b[\s>]"
    rb"|<font|<iframe)",
    re.IGNORECASE,
)
"""What a page without a Content-Type begins with (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-
unknown-mime-type)."""


def read_warc_pages(
    file: BinaryIO, size: int, archive: str, *, max_page_bytes: int, start: int = 0, end: int | None = None
) -> Iterator[Page | Rejection]:
    """Yields a page or a rejection for each record, and a rejection for each damaged span.

    Args:
        file: Opened for reading, seekable.
        size: Bytes of the file that count.
        archive: Path of the file, for provenance.
        max_page_bytes: Pages that are longer when decoded are refused.
        start: First byte of the range; see ``read_warc``.
        end: First byte after it.
    """
    read = read_arc if is_arc(file, size) else read_warc
    for item in read(file, size, start, end):
        if isinstance(item, DamagedSpan):
            yield _reject(archive, item.offset, item.reason, f"{item.length} bytes: {item.detail}")
            continue
        try:
            yield page_of_record(item, archive, max_page_bytes)
        except PayloadError as error:
            yield _reject(archive, item.offset, error.reason, str(error), _target(item))


def page_of_record(record: WarcRecord, archive: str, max_page_bytes: int) -> Page:
    """Returns the page in a record.

    Raises:
        PayloadError: It holds none; the error's reason says why.
    """
    kind = record.headers.get("warc-type", "").lower()
    if kind == "revisit":
        raise PayloadError(RejectReason.REVISIT, "a revisit record: its page is another record's")
    if record.n_block_bytes > len(record.block):
        raise PayloadError(RejectReason.PAGE_TOO_LARGE, f"a block of {record.n_block_bytes} bytes")
    if kind == "response" and not record.headers.get("content-type", "application/http").startswith("text/dns"):
        content_type, body = _response_page(record, max_page_bytes)
    elif kind == "resource":
        content_type, body = _resource_page(record, max_page_bytes)
    else:
        raise PayloadError(RejectReason.NOT_A_RESPONSE, f"a {kind[:40] or 'nameless'} record")
    return Page(
        url=_target(record) or "",
        body=body,
        content_type=content_type,
        crawl_time=parse_date(record.headers.get("warc-date", "")),
        archive=archive,
        record_offset=record.offset,
        record_length=record.length,
    )


def parse_date(text: str) -> str | None:
    """Returns a WARC-Date (a W3C date and time, in UTC) in its one form, None where it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _response_page(record: WarcRecord, max_page_bytes: int) -> tuple[str | None, bytes]:
    if not record.block:
        raise PayloadError(RejectReason.EMPTY_BODY, "an empty block")
    response = parse_response(record.block)
    if response.status != 200:
        raise PayloadError(RejectReason.STATUS_NOT_OK, f"status {response.status}")
    content_type = response.headers.get("content-type")
    if content_type:
        _check_type(content_type)
    if record.headers.get("warc-truncated"):
        raise PayloadError(RejectReason.TRUNCATED, f"WARC-Truncated: {record.headers['warc-truncated'][:40]}")
    body = decode_body(response, max_page_bytes)
    _check_body(body, content_type)
    return content_type, body


def _resource_page(record: WarcRecord, max_page_bytes: int) -> tuple[str | None, bytes]:
    content_type = record.headers.get("content-type", "")
    _check_type(content_type)
    if len(record.block) > max_page_bytes:
        raise PayloadError(RejectReason.PAGE_TOO_LARGE, f"{len(record.block)} bytes, at most {max_page_bytes} are read")
    _check_body(record.block, content_type)
    return content_type, record.block


def _check_type(content_type: str) -> None:
    if content_type.split(";", 1)[0].strip().lower() not in HTML_TYPES:
        raise PayloadError(RejectReason.NOT_HTML, f"Content-Type {content_type[:80]!r}")


def _check_body(body: bytes, content_type: str | None) -> None:
    if not body or body.isspace():
        raise PayloadError(RejectReason.EMPTY_BODY, "no body")
    if not content_type and not _HTML_HEAD.match(body[:512]):
        raise PayloadError(RejectReason.NOT_HTML, f"no Content-Type, and a body that begins {body[:24]!r}")


def _target(record: WarcRecord) -> str | None:
    return record.headers.get("warc-target-uri", "").strip("<> ") or None


def _reject(archive: str, offset: int, reason: RejectReason, detail: str, url: str | None = None) -> Rejection:
    return Rejection(job=JOB, kind="record", item=f"{archive}:{offset}", reason=reason, detail=detail, url=url)
