# ruff: noqa: E501  # one case a line
"""The web source against a server on loopback that does what servers should not."""

import asyncio
import gzip
import zlib
from dataclasses import replace

import pytest

from pipelines.fetch.results import Fetched, FetchRequest, FetchResult, Refused
from pipelines.fetch.web.addresses import forbidden_reason
from pipelines.fetch.web.source import WebSource
from schemas.recipe import FetchSettings, PerHost
from schemas.rejections import RejectReason
from tests.pipelines.fetch.images import picture
from tests.pipelines.fetch.web.server import Behaviour, HostileServer, Writer, answer, drip, serving, silence

IMAGE = picture()
OK = answer(200, IMAGE, "Content-Type: image/png")
SETTINGS = FetchSettings(
    source="web",
    user_agent="mm1-test/1.0 (+https://lab.example/bot)",
    deadline_s=10,
    retries=0,
    max_bytes=100_000,
    per_host=PerHost(connections=4, requests_per_s=10_000),
    allow_private_addresses=True,
    ports=(),
)


HASTY = replace(SETTINGS, deadline_s=0.3, robots="ignore", opt_out=())
"""For servers that never end an answer."""


def fetch(server: HostileServer, *paths: str, settings: FetchSettings = SETTINGS) -> list[FetchResult]:
    return list(WebSource(settings).fetch([FetchRequest(url=server.url(path)) for path in paths]))


def reason_of(result: FetchResult) -> RejectReason | None:
    return result.reason if isinstance(result, Refused) else None


def one(behaviour: Behaviour, settings: FetchSettings = SETTINGS) -> FetchResult:
    with serving({"/x": behaviour}) as server:
        (result,) = fetch(server, "/x", settings=settings)
    return result


def gzipped(body: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        body = gzip.compress(body, mtime=0)
    return body


async def reset(writer: Writer) -> None:
    import socket
    import struct

    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_a_good_image_comes_back_byte_for_byte() -> None:
    result = one(OK)

    assert isinstance(result, Fetched)
    assert result.data == IMAGE
    assert (result.status, result.final_url) == (200, None)


def test_we_say_who_asks_and_ask_for_plain_bytes() -> None:
    with serving({"/x": OK}) as server:
        fetch(server, "/x")

    heads = [head.lower() for head in server.heads]
    assert server.requests == ["/robots.txt", "/x", "/.well-known/tdmrep.json"]
    assert all("user-agent: mm1-test/1.0 (+https://lab.example/bot)\r\n" in head for head in heads)
    assert all("accept-encoding: identity\r\n" in head for head in heads)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(drip(answer(200, b"", "Content-Length: 90000", length=False), b"x"), "timeout", id="drip-body"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.05), "timeout", id="drip-header"),
        pytest.param(drip(b"HTTP/1.1 200 O", b"K"), "timeout", id="drip-status"),
        pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout", id="endless-100"),
        pytest.param(drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "timeout", id="endless-103"),
        pytest.param(drip(answer(200, b"", "Transfer-Encoding: chunked", length=False), b"1\r\nx\r\n"), "timeout", id="drip-chunk"),
        pytest.param(silence, "timeout", id="silence"),
        pytest.param(reset, "connection_error", id="reset"),
        pytest.param(answer(200, IMAGE[:50], f"Content-Length: {len(IMAGE)}", length=False), "connection_error", id="short-body"),
        pytest.param(answer(200, b"x", "Content-Length: 99999999999999", length=False), "too_many_bytes", id="huge-length"),
        pytest.param(answer(200, b"x", "Content-Length: -1", length=False), "connection_error", id="negative-length"),
        pytest.param(answer(200, b"x", "Content-Length: abc", length=False), "connection_error", id="text-length"),
        pytest.param(answer(200, IMAGE + b"more", f"Content-Length: {len(IMAGE)}", length=False), "connection_error", id="more-than-length"),
        pytest.param(answer(200, b"x" * 200_000, length=False), "too_many_bytes", id="too-long-without-length"),
        pytest.param(answer(200, b"x\r\n", "Transfer-Encoding: chunked"), "connection_error", id="length-and-chunked"),
        pytest.param(answer(200, b"ffffffffffffffff1\r\nx", "Transfer-Encoding: chunked", length=False), "connection_error", id="huge-chunk"),
        pytest.param(answer(200, b"3\r\nabc\r\n", "Transfer-Encoding: chunked", length=False), "connection_error", id="cut-chunks"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 1000 + b"\r\n", 0), "connection_error", id="endless-headers"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "connection_error", id="ssh-banner"),
        pytest.param(b"<html>no status line</html>\r\n\r\n", "connection_error", id="no-status-line"),
        pytest.param(answer(404), "not_found", id="404"),
        pytest.param(answer(410), "not_found", id="410"),
        pytest.param(answer(403), "http_error", id="403"),
        pytest.param(answer(451), "opted_out", id="451"),
        pytest.param(answer(206, IMAGE), "http_error", id="206-unasked"),
        pytest.param(answer(500), "http_error", id="500"),
        pytest.param(answer(302), "http_error", id="redirect-without-target"),
        pytest.param(answer(302, b"", "Location: /a", "Location: /b"), "http_error", id="redirect-with-two-targets"),
        pytest.param(answer(302, b"", "Location: http://["), "bad_url", id="redirect-to-no-url"),
        pytest.param(answer(302, b"", "Location: file:///etc/hostname"), "unsupported_scheme", id="redirect-to-file"),
        pytest.param(answer(302, b"", "Location: ftp://127.0.0.1/"), "unsupported_scheme", id="redirect-to-ftp"),
        pytest.param(answer(302, b"", "Location: data:image/png;base64,AAAA"), "unsupported_scheme", id="redirect-to-data"),
        pytest.param(answer(302, b"", "Location: /x"), "too_many_redirects", id="redirect-loop"),
        pytest.param(answer(200, gzipped(b"\0" * 50_000_000), "Content-Encoding: gzip"), "decompression_limit", id="gzip-bomb"),
        pytest.param(answer(200, gzipped(b"\0" * 20_000_000, 2), "Content-Encoding: gzip, gzip"), "decompression_limit", id="double-gzip-bomb"),
        pytest.param(answer(200, IMAGE, "Content-Encoding: " + "gzip, " * 50), "unsupported_encoding", id="fifty-codings"),
        pytest.param(answer(200, IMAGE, "Content-Encoding: foo"), "unsupported_encoding", id="unknown-coding"),
        pytest.param(answer(200, b"x", "Content-Encoding: br"), "unsupported_encoding", id="coding-not-asked-for"),
        pytest.param(answer(200, gzipped(IMAGE)[:-9], "Content-Encoding: gzip"), "unsupported_encoding", id="cut-gzip"),
        pytest.param(answer(200, gzipped(b"") * 2000, "Content-Encoding: gzip"), "decompression_limit", id="gzip-members"),
        pytest.param(answer(200, IMAGE, "X-Robots-Tag: noai"), "opted_out", id="x-robots-noai"),
        pytest.param(answer(200, IMAGE, "tdm-reservation: 1"), "opted_out", id="tdm-header"),
        pytest.param(answer(200, IMAGE, "Content-Usage: train-ai=n"), "opted_out", id="content-usage"),
    ],
)  # fmt: skip
def test_a_hostile_answer_is_refused_with_its_reason(behaviour: Behaviour, reason: str) -> None:
    result = one(behaviour, HASTY if reason == "timeout" else SETTINGS)

    assert reason_of(result) == RejectReason(reason)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(answer(200, gzipped(IMAGE), "Content-Encoding: gzip"), id="gzip"),
        pytest.param(answer(200, gzipped(b"") * 20 + gzipped(IMAGE), "Content-Encoding: gzip"), id="empty-members-first"),
        pytest.param(answer(200, zlib.compress(IMAGE), "Content-Encoding: deflate"), id="deflate"),
        pytest.param(answer(200, zlib.compress(IMAGE)[2:-4], "Content-Encoding: deflate"), id="raw-deflate"),
        pytest.param(answer(200, IMAGE, "Content-Encoding: gzip"), id="gzip-claimed"),
        pytest.param(answer(200, IMAGE, "Content-Encoding: identity"), id="identity"),
        pytest.param(answer(200, IMAGE, "Refresh: 0; url=http://169.254.169.254/"), id="refresh-is-not-followed"),
        pytest.param(answer(200, IMAGE, "X-Robots-Tag: otherbot: noai"), id="noai-for-another"),
        pytest.param(answer(200, IMAGE, "tdm-reservation: 0"), id="tdm-allowed"),
    ],
)  # fmt: skip
def test_an_odd_but_good_answer_is_kept(behaviour: Behaviour) -> None:
    result = one(behaviour)

    assert isinstance(result, Fetched), result
    assert result.data == IMAGE


def test_redirects_are_followed_five_times_and_the_last_url_is_told() -> None:
    hops: dict[str, Behaviour] = {f"/{n}": answer(302, b"", f"Location: {n + 1}") for n in range(7)}
    with serving({**hops, "/7": OK}) as server:
        five, six = fetch(server, "/2", "/1")

    assert isinstance(five, Fetched)
    assert five.final_url == server.url("/7")
    assert reason_of(six) is RejectReason.TOO_MANY_REDIRECTS


@pytest.mark.parametrize(("status", "retries", "n_requests"), [(503, 2, 3), (429, 1, 2), (500, 0, 1), (404, 2, 1)])
def test_only_temporary_answers_are_asked_again(status: int, retries: int, n_requests: int) -> None:
    with serving({"/x": answer(status, b"", "Retry-After: 0")}) as server:
        fetch(server, "/x", settings=replace(SETTINGS, retries=retries, robots="ignore", opt_out=()))

    assert server.requests == ["/x"] * n_requests


def test_a_retry_after_that_is_too_long_ends_it_at_once() -> None:
    result = one(answer(503, b"", "Retry-After: 86400"), replace(SETTINGS, retries=5))

    assert isinstance(result, Refused)
    assert (result.reason, result.status) == (RejectReason.HTTP_ERROR, 503)


def test_a_slow_host_does_not_hold_up_another() -> None:
    with serving({"/x": silence}) as slow, serving({f"/{n}": OK for n in range(20)}) as quick:
        urls = [slow.url("/x", "127.0.0.2") + f"?{n}" for n in range(3)] + [quick.url(f"/{n}") for n in range(20)]
        settings = replace(HASTY, deadline_s=1, per_host=PerHost(connections=1, requests_per_s=1000))
        results = list(WebSource(settings).fetch([FetchRequest(url=url) for url in urls]))

    assert [isinstance(result, Fetched) for result in results] == [False] * 3 + [True] * 20


def test_one_host_is_asked_by_so_many_connections_at_most() -> None:
    release = asyncio.Event()

    async def wait_for_all(writer: Writer) -> None:
        if server.most_at_once >= 2:
            release.set()
        await release.wait()
        writer.write(OK)
        await writer.drain()

    settings = replace(
        SETTINGS, robots="ignore", opt_out=(), deadline_s=5, per_host=PerHost(connections=2, requests_per_s=1000)
    )
    with serving({"/x": wait_for_all}) as server:
        results = fetch(server, *[f"/x?{n}" for n in range(10)], settings=settings)

    assert all(isinstance(result, Fetched) for result in results)
    assert server.most_at_once == 2


def test_a_host_that_is_down_is_given_up_after_five_requests() -> None:
    with serving({}) as server:
        port = server.port
    urls = [f"http://127.0.0.1:{port}/{n}" for n in range(50)]
    settings = replace(SETTINGS, robots="ignore", per_host=PerHost(connections=1, requests_per_s=10_000))

    results = list(WebSource(settings).fetch([FetchRequest(url=url) for url in urls]))

    assert [reason_of(result) for result in results] == [RejectReason.CONNECTION_ERROR] * 50
    assert sum("in a row" in result.detail for result in results if isinstance(result, Refused)) == 45


# --- Addresses


def only_this_server(address: str) -> str | None:
    """The rule of the web, but for the one address that the test's server has."""
    return None if address == "127.0.0.1" else forbidden_reason(address)


def test_without_leave_loopback_is_not_asked() -> None:
    with serving({"/x": OK}) as server:
        (result,) = fetch(server, "/x", settings=replace(SETTINGS, allow_private_addresses=False))

    assert reason_of(result) is RejectReason.FORBIDDEN_ADDRESS
    assert server.requests == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://2130706434/", "http://0x7f.2/"]
)
def test_a_redirect_into_the_inside_is_refused(target: str) -> None:
    with serving({"/x": answer(302, b"", f"Location: {target}")}) as server:
        source = WebSource(SETTINGS, rule=only_this_server)
        (result,) = source.fetch([FetchRequest(url=server.url("/x"))])

    assert reason_of(result) is RejectReason.FORBIDDEN_ADDRESS


def test_a_port_that_is_not_listed_is_refused() -> None:
    with serving({"/x": OK}) as server:
        (result,) = fetch(server, "/x", settings=replace(SETTINGS, ports=(80, 443)))

    assert reason_of(result) is RejectReason.BAD_URL
    assert server.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "0177.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"]
)
def test_no_way_of_writing_an_address_reaches_it(host: str) -> None:
    with serving({"/x": OK}) as server:
        settings = replace(SETTINGS, allow_private_addresses=False)
        (result,) = WebSource(settings).fetch([FetchRequest(url=server.url("/x", host))])

    assert reason_of(result) is RejectReason.FORBIDDEN_ADDRESS
    assert server.requests == []
