"""WARC files of the world: fixed dates and record ids, so that equal worlds have equal bytes."""

import io
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://world.example/records")

_PHRASES = {200: "OK", 301: "Moved Permanently", 404: "Not Found"}


class Archive:
    """A gzipped WARC (ISO 28500, version 1.0), one member a record."""

    def __init__(self, path: Path, *, date: str) -> None:
        self._name = path.name
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=True)
        self._number = 0
        self._write("warcinfo", "", date, b"software: generated world\r\nformat: WARC File Format 1.0\r\n")

    def write_response(self, url: str, date: str, *, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Adds what a server answered at ``date`` (ISO 8601 in UTC)."""
        sent = [*headers, ("Content-Length", str(len(body)))]
        http = StatusAndHeaders(f"{status} {_PHRASES[status]}", sent, protocol="HTTP/1.1")
        self._write("response", url, date, body, http)

    def write_request(self, url: str, date: str) -> None:
        """Adds the request before an answer, as crawlers do."""
        host, _, path = url.partition("://")[2].partition("/")
        line = f"/{path} HTTP/1.1"
        http = StatusAndHeaders(line, [("Host", host)], protocol="GET", is_http_request=True)
        self._write("request", url, date, b"", http)

    def _write(self, kind: str, url: str, date: str, body: bytes, http: StatusAndHeaders | None = None) -> None:
        record_id = uuid.uuid5(_NAMESPACE, f"{self._name} {self._number}")
        self._number += 1
        headers = {"WARC-Record-ID": f"<urn:uuid:{record_id}>", "WARC-Date": date}
        record = self._writer.create_warc_record(
            url,
            kind,
            payload=io.BytesIO(body),
            length=len(body),
            http_headers=http,
            warc_headers_dict=headers,
        )
        self._writer.write_record(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
