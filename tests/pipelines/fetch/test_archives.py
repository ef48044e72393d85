"""The archive source on small WARCs of our own and on a real one."""

import gzip
import pathlib

import pytest

from pipelines.fetch.archive_index import index_archive
from pipelines.fetch.archive_source import ArchiveSource
from pipelines.fetch.results import ArchivePlace, Fetched, FetchRequest, FetchResult, Refused
from pipelines.inputs.planning import plan_pages
from schemas.rejections import RejectReason
from tests.corpus import corpus_path
from tests.pipelines.fetch.images import picture

A, B = picture(seed=1), picture(seed=2)


def record(url: str, body: bytes, *headers: str, status: str = "200 OK", date: str = "2024") -> bytes:
    """Returns a response record (ISO 28500:2017); ``headers`` are lines."""
    block = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}-01-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


PNG = "Content-Type: image/png"
RECORDS = (
    record("http://a.example/page", b"<html>", "Content-Type: text/html"),
    record("http://a.example/a.png", A, PNG, date="2024"),
    record("http://a.example/a.png", B, PNG, date="2023"),
    record("http://A.example:80/b c.png#x", B, "Content-Type: application/octet-stream"),
    record("http://a.example/gone.png", A, PNG, status="404 Not Found"),
    record(
        "http://a.example/chunked.png",
        f"{len(A):x}\r\n".encode() + A + b"\r\n0\r\n\r\n",
        PNG,
        "Transfer-Encoding: chunked",
    ),
)


@pytest.fixture(params=["plain", "gzip", "one-member"])
def warc(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    path = tmp_path / ("a.warc" if request.param == "plain" else "a.warc.gz")
    packed = {
        "plain": b"".join(RECORDS),
        "gzip": b"".join(gzip.compress(item) for item in RECORDS),
        "one-member": gzip.compress(b"".join(RECORDS)),
    }
    path.write_bytes(packed[request.param])
    return str(path)


def places(path: str) -> dict[str, list[ArchivePlace]]:
    found: dict[str, list[ArchivePlace]] = {}
    for item in plan_pages([path]):
        for url, time, archive, offset, length in index_archive(item):
            place = ArchivePlace(crawl_time=time, archive=archive, offset=offset, length=length)
            found.setdefault(url, []).append(place)
    return found


def fetch(path: str, url: str, max_bytes: int = 1_000_000) -> FetchResult:
    request = FetchRequest(url=url, places=tuple(places(path).get(url, ())))
    (result,) = ArchiveSource(max_bytes=max_bytes).fetch([request])
    return result


def test_only_successful_images_are_in_the_index(warc: str) -> None:
    assert {url: len(found) for url, found in places(warc).items()} == {
        "http://a.example/a.png": 2,
        "http://a.example/b%20c.png": 1,
        "http://a.example/chunked.png": 1,
    }


def test_the_latest_of_several_responses_counts(warc: str) -> None:
    result = fetch(warc, "http://a.example/a.png")

    assert isinstance(result, Fetched)
    assert (result.data == A, result.status) == (True, 200)


def test_transfer_codings_are_taken_off(warc: str) -> None:
    result = fetch(warc, "http://a.example/chunked.png")

    assert isinstance(result, Fetched)
    assert result.data == A


def test_a_url_without_response_is_not_found(warc: str) -> None:
    result = fetch(warc, "http://a.example/gone.png")

    assert isinstance(result, Refused)
    assert result.reason is RejectReason.NOT_FOUND


def test_an_image_over_the_limit_is_refused(warc: str) -> None:
    result = fetch(warc, "http://a.example/a.png", max_bytes=100)

    assert isinstance(result, Refused)
    assert result.reason is RejectReason.TOO_MANY_BYTES


def test_an_archive_that_changed_is_told(warc: str) -> None:
    request = FetchRequest(url="http://a.example/a.png", places=tuple(places(warc)["http://a.example/a.png"]))
    pathlib.Path(warc).write_bytes(b"")

    (result,) = ArchiveSource(max_bytes=1_000_000).fetch([request])

    assert isinstance(result, Refused)
    assert (result.reason, "changed while it was read" in result.detail) == (RejectReason.DAMAGED, True)


def test_every_archived_image_of_the_corpus_is_its_file() -> None:
    path = str(corpus_path("warc", "dev-web.warc.gz"))

    wrong = []
    found = places(path)
    for url in sorted(found):
        result = fetch_at(url, found[url])
        file = corpus_path("web") / url.removeprefix("https://")
        if not isinstance(result, Fetched) or result.data != file.read_bytes():
            wrong.append(url)

    assert wrong == []
    assert len(found) > 200


def fetch_at(url: str, found: list[ArchivePlace]) -> FetchResult:
    (result,) = ArchiveSource(max_bytes=20_000_000).fetch([FetchRequest(url=url, places=tuple(found))])
    return result
