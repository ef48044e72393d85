"""Images out of the WARCs that the pages came from, read by the places that the index gives."""

from collections.abc import Iterable, Iterator

from pipelines.fetch.results import ArchivePlace, Fetched, FetchRequest, FetchResult, Refused
from pipelines.inputs.http_payload import PayloadError, decode_body, parse_response
from pipelines.inputs.warc_records import WarcRecord, read_warc
from pipelines.runs import storage
from schemas.rejections import RejectReason

_LIMITS = frozenset({RejectReason.PAGE_TOO_LARGE, RejectReason.DECOMPRESSION_LIMIT})


class ArchiveSource:
    """Gives of each URL its latest archived response."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def fetch(self, requests: Iterable[FetchRequest]) -> Iterator[FetchResult]:
        """Yields what each URL gave, in the order of the requests."""
        for request in requests:
            yield self._fetch(request)

    def _fetch(self, request: FetchRequest) -> FetchResult:
        if not request.places:
            detail = "no archive holds an image response of this URL"
            return Refused(url=request.url, reason=RejectReason.NOT_FOUND, detail=detail)
        place = max(request.places)
        try:
            record = read_record(place)
            if record.headers.get("warc-type", "").lower() == "resource":
                return Fetched(url=request.url, data=record.block)
            response = parse_response(record.block)
            return Fetched(url=request.url, data=decode_body(response, self._max_bytes), status=response.status)
        except PayloadError as error:
            reason = RejectReason.TOO_MANY_BYTES if error.reason in _LIMITS else error.reason
            return Refused(url=request.url, reason=reason, detail=f"{place.archive}:{place.offset}: {error}")


def read_record(place: ArchivePlace) -> WarcRecord:
    """Returns the record at a place; one that shares its compressed member with others costs a scan of the file.

    Raises:
        PayloadError: The archive changed since it was indexed.
    """
    start, end = (place.offset, place.offset + 1) if place.length else (0, None)
    try:
        size = storage.size(place.archive)
        with storage.open_read(place.archive) as file:
            for record in read_warc(file, size, start, end):
                if isinstance(record, WarcRecord) and record.offset == place.offset:
                    return record
    except FileNotFoundError:
        pass
    raise PayloadError(RejectReason.DAMAGED, "the archive changed while it was read")
