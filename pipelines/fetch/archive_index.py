"""Which records of the WARCs hold images: one pass over each archive, URLs and places only."""

from collections.abc import Iterator

import ada_url

from pipelines.fetch.headers.probe import image_format
from pipelines.inputs.http_payload import HttpResponse, PayloadError, parse_response
from pipelines.inputs.planning import WorkItem
from pipelines.inputs.warc_records import WarcRecord, is_warc, read_warc
from pipelines.runs import storage

IndexRow = tuple[str, str, str, int, int]
"""``(normalised URL, crawl time, archive, offset, length)``."""

_CODINGS = ("transfer-encoding", "content-encoding")


def index_archive(item: WorkItem) -> Iterator[IndexRow]:
    """Yields the image records of one range of a WARC. What is damaged was counted when its pages were read."""
    path, size = item.paths[0], item.sizes[0]
    with storage.open_read(path) as file:
        if not size or not is_warc(file, size):
            return
        for record in read_warc(file, size, item.start, item.end):
            if isinstance(record, WarcRecord) and holds_image(record):
                url = normalised_url(record.headers.get("warc-target-uri", "").strip("<> "))
                if url is not None:
                    yield url, record.headers.get("warc-date", ""), path, record.offset, record.length


def holds_image(record: WarcRecord) -> bool:
    """Returns whether a record is a successful response, or a resource, that is an image by type or by its bytes."""
    kind = record.headers.get("warc-type", "").lower()
    if kind == "resource":
        return _is_image(record.headers.get("content-type", ""), record.block)
    if kind != "response":
        return False
    try:
        response = parse_response(record.block)
    except PayloadError:
        return False
    is_image = _is_image(response.headers.get("content-type", ""), response.body)
    return response.status == 200 and (is_image or _is_coded(response))


def normalised_url(url: str) -> str | None:
    """Returns a URL as documents carry it (WHATWG, without fragment), None where it is none."""
    try:
        href: str = ada_url.normalize_url(url)
    except ValueError:
        return None
    return href.partition("#")[0]


def _is_image(content_type: str, body: bytes) -> bool:
    return content_type.strip().lower().startswith("image/") or image_format(body[:64]) is not None


def _is_coded(response: HttpResponse) -> bool:
    """Returns whether the bytes do not show yet what they are, and the type does not say."""
    has_type = bool(response.headers.get("content-type"))
    return not has_type and any(response.headers.get(name) for name in _CODINGS)
