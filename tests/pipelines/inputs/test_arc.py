"""ARC files give the records that another reader finds in them, and a damaged member costs itself alone."""

import gzip
import io
from collections.abc import Callable

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipelines.inputs.arc_records import is_arc, read_arc
from pipelines.inputs.warc_pages import read_warc_pages
from pipelines.inputs.warc_records import DamagedSpan, WarcRecord, is_warc
from schemas.pages import Page

VERSION = b"1 0 Example\nURL IP-address Archive-date Content-type Archive-length\n"


def record(url: str, content: bytes, media_type: str = "text/html") -> bytes:
    return f"{url} 192.0.2.1 20040102030405 {media_type} {len(content)}\n".encode() + content + b"\n"


def page(number: int) -> bytes:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>page %d</p>\nhttp://no.example/record 1 2\n" % number
    return record(f"http://example.org/{number}", body)


RECORDS = [record("filedesc://a.arc", VERSION, "text/plain"), record("dns:example.org", b"2004\nA 192.0.2.1\n")]
RECORDS += [page(number) for number in range(4)]

FORMS: list[Callable[[list[bytes]], bytes]] = [
    b"".join,
    lambda records: b"".join(gzip.compress(data, mtime=0) for data in records),
    lambda records: gzip.compress(b"".join(records), mtime=0),
]
BY_MEMBER = FORMS[1]


def urls(data: bytes, start: int = 0, end: int | None = None) -> list[str | None]:
    """Returns the URLs of the records; None for a damaged span."""
    found = read_arc(io.BytesIO(data), len(data), start, end)
    return [item.headers["warc-target-uri"] if isinstance(item, WarcRecord) else None for item in found]


@pytest.mark.parametrize("form", FORMS, ids=["plain", "by member", "in one piece"])
def test_every_record_is_read_as_another_reader_reads_it(form: Callable[[list[bytes]], bytes]) -> None:
    data = form(RECORDS)

    found = [item for item in read_arc(io.BytesIO(data), len(data)) if isinstance(item, WarcRecord)]
    assert [item.headers["warc-target-uri"] for item in found[1:]] == [
        "dns:example.org",
        *(f"http://example.org/{number}" for number in range(4)),
    ]
    if form is BY_MEMBER:
        others = [other.rec_headers.get_header("uri") for other in ArchiveIterator(io.BytesIO(data))]
        assert [item.headers["warc-target-uri"] for item in found] == others


@pytest.mark.parametrize("form", FORMS, ids=["plain", "by member", "in one piece"])
def test_its_pages_are_those_of_its_http_records(form: Callable[[list[bytes]], bytes]) -> None:
    data = form(RECORDS)

    pages = [
        item
        for item in read_warc_pages(io.BytesIO(data), len(data), "a.arc", max_page_bytes=1000)
        if type(item) is Page
    ]

    assert [item.url for item in pages] == [f"http://example.org/{number}" for number in range(4)]
    assert pages[2].body.startswith(b"<p>page 2</p>")
    assert {item.crawl_time for item in pages} == {"2004-01-02T03:04:05Z"}
    assert len({item.record_offset for item in pages}) == 4


def test_a_damaged_member_costs_itself_alone() -> None:
    members = [gzip.compress(data, mtime=0) for data in RECORDS]
    members[3] = members[3][:30] + b"\0\0\0\0" + members[3][34:]
    data = b"".join(members)

    assert urls(data)[3:] == [None, "http://example.org/2", "http://example.org/3"]
    (span,) = [item for item in read_arc(io.BytesIO(data), len(data)) if isinstance(item, DamagedSpan)]
    assert (span.offset, span.length) == (len(b"".join(members[:3])), len(members[3]))


def test_a_false_length_in_a_plain_file_costs_its_record_alone() -> None:
    wrong = RECORDS[3].replace(b"text/html %d\n" % (len(RECORDS[3].partition(b"\n")[2]) - 1), b"text/html 7\n")
    data = b"".join([*RECORDS[:3], wrong, *RECORDS[4:]])

    assert wrong != RECORDS[3]
    assert urls(data)[3:] == [None, "http://example.org/2", "http://example.org/3"]


@pytest.mark.parametrize("form", FORMS[:2], ids=["plain", "by member"])
def test_ranges_of_a_file_give_every_record_once(form: Callable[[list[bytes]], bytes]) -> None:
    data = form(RECORDS)
    for cut in range(1, len(data), 7):
        assert urls(data, 0, cut) + urls(data, cut, None) == urls(data)


def test_an_arc_is_told_from_a_warc() -> None:
    for form in FORMS:
        data = form(RECORDS)
        assert is_arc(io.BytesIO(data), len(data))
        assert not is_warc(io.BytesIO(data), len(data))
