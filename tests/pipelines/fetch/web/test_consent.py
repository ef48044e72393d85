# ruff: noqa: E501  # one case a line
"""robots.txt and tdmrep.json over the wire: RFC 9309 and TDMRep against a server on loopback."""

import gzip
from dataclasses import replace

import pytest

from pipelines.fetch.results import FetchRequest, Refused
from pipelines.fetch.web.robots import product_token, robots_text, site_objection
from pipelines.fetch.web.source import WebSource
from schemas.rejections import RejectReason
from tests.pipelines.fetch.web.server import Behaviour, HostileServer, answer, drip, serving, silence
from tests.pipelines.fetch.web.test_source import OK, SETTINGS, fetch, reason_of, reset

ALLOWED = None
DISALLOWED = RejectReason.FORBIDDEN_BY_ROBOTS
OPTED_OUT = RejectReason.OPTED_OUT


def robots(text: str | bytes, *headers: str) -> bytes:
    return answer(200, text.encode() if isinstance(text, str) else text, *headers)


def verdict(robots_txt: Behaviour, path: str = "/x", deadline_s: float = 5) -> RejectReason | None:
    with serving({"/robots.txt": robots_txt, path: OK}) as server:
        (result,) = fetch(server, path, settings=replace(SETTINGS, deadline_s=deadline_s))
    return reason_of(result)


@pytest.mark.parametrize(
    ("robots_txt", "expected"),
    [
        pytest.param(answer(404), ALLOWED, id="404"),
        pytest.param(answer(401), ALLOWED, id="401"),
        pytest.param(answer(403), ALLOWED, id="403"),
        pytest.param(answer(500), DISALLOWED, id="500"),
        pytest.param(answer(503), DISALLOWED, id="503"),
        pytest.param(answer(429), DISALLOWED, id="429"),
        pytest.param(reset, DISALLOWED, id="reset"),
        pytest.param(robots("User-agent: *\nDisallow: /x"), DISALLOWED, id="disallow"),
        pytest.param(robots(""), ALLOWED, id="empty"),
        pytest.param(robots("\ufeffUser-agent: *\nDisallow: /x"), DISALLOWED, id="byte-order-mark"),
        pytest.param(robots("User-agent: *\nDisallow: /x", "Content-Type: text/html"), DISALLOWED, id="wrong-type"),
        pytest.param(robots(gzip.compress(b"User-agent: *\nDisallow: /x"), "Content-Encoding: gzip"), DISALLOWED, id="gzip"),
        pytest.param(robots("User-agent: *\nDisallow: /\nAllow: /x"), ALLOWED, id="longest-match"),
        pytest.param(robots("User-agent: *\nDisallow: /x\nAllow: /x"), ALLOWED, id="tie-allows"),
        pytest.param(robots("User-agent: *\nDisallow: /\n\nUser-agent: MM1-Test\nAllow: /"), ALLOWED, id="own-group"),
        pytest.param(robots("User-agent: mm1-test\nDisallow: /x\n\nUser-agent: *\nAllow: /"), DISALLOWED, id="own-group-disallows"),
        pytest.param(robots("User-agent: mm1-test\nAllow: /y\n\nUser-agent: a\nDisallow:\n\nUser-agent: mm1-test\nDisallow: /x"), DISALLOWED, id="groups-merge"),
        pytest.param(robots(b"Dis\0allow: /\nUser-agent: *\nDis\0allow: /x\n"), ALLOWED, id="nul"),
        pytest.param(robots("User-agent: *\nDisallow: /y\n" + "# filler\n" * 80_000 + "Disallow: /x"), ALLOWED, id="after-the-cap"),
        pytest.param(robots("User-agent: *\nDisallow: /x\n" + "# filler\n" * 80_000), DISALLOWED, id="before-the-cap"),
        pytest.param(robots("User-agent: *\nContent-Usage: train-ai=n"), OPTED_OUT, id="content-usage"),
        pytest.param(robots("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /"), OPTED_OUT, id="content-signal"),
        pytest.param(robots("User-agent: other\nContent-Usage: train-ai=n"), ALLOWED, id="content-usage-for-another"),
    ],
)  # fmt: skip
def test_what_robots_txt_means(robots_txt: Behaviour, expected: RejectReason | None) -> None:
    assert verdict(robots_txt) is expected


@pytest.mark.parametrize(
    "robots_txt", [silence, drip(answer(200, length=False), b"#\n", 0.02)], ids=["silent", "endless"]
)
def test_a_robots_txt_that_never_ends_disallows(robots_txt: Behaviour) -> None:
    assert verdict(robots_txt, deadline_s=0.3) is DISALLOWED


def test_wildcards_and_ends_are_understood() -> None:
    text = "User-agent: *\nDisallow: /*.gif$"

    assert verdict(robots(text), "/a.gif") is DISALLOWED
    assert verdict(robots(text), "/a.gif.png") is ALLOWED


def test_a_pattern_made_to_be_slow_is_not() -> None:
    assert verdict(robots("User-agent: *\nDisallow: /" + "*a" * 30 + "b"), "/" + "a" * 3000) is ALLOWED


def test_redirects_of_robots_txt_are_followed_and_its_rules_stay_with_the_first_host() -> None:
    rules = robots("User-agent: *\nDisallow: /x")
    hops: dict[str, Behaviour] = {f"/{n}": answer(302, b"", f"Location: /{n + 1}") for n in range(4)}
    with serving({"/robots.txt": answer(301, b"", "Location: /0"), **hops, "/4": rules, "/x": OK}) as server:
        (result,) = fetch(server, "/x")

    assert reason_of(result) is DISALLOWED


def test_robots_txt_is_asked_once_for_many_urls() -> None:
    with serving({"/robots.txt": robots("User-agent: *\nDisallow: /x"), "/x": OK}) as server:
        results = fetch(server, *[f"/x?{n}" for n in range(50)])

    assert {reason_of(result) for result in results} == {DISALLOWED}
    assert server.requests == ["/robots.txt"]


def test_each_port_has_its_own_robots_txt() -> None:
    with (
        serving({"/robots.txt": robots("User-agent: *\nDisallow: /"), "/x": OK}) as strict,
        serving({"/x": OK}) as free,
    ):
        requests = [FetchRequest(url=server.url("/x")) for server in (strict, free)]
        results = list(WebSource(SETTINGS).fetch(requests))

    assert [reason_of(result) for result in results] == [DISALLOWED, ALLOWED]


def test_a_redirect_to_a_host_that_forbids_is_not_followed() -> None:
    with (
        serving({"/robots.txt": robots("User-agent: *\nDisallow: /"), "/x": OK}) as strict,
        serving({"/x": answer(302, b"", f"Location: {strict.url('/x')}")}) as free,
    ):
        (result,) = fetch(free, "/x")

    assert reason_of(result) is DISALLOWED
    assert strict.requests == ["/robots.txt"]


def test_robots_txt_is_not_asked_where_the_recipe_ignores_it() -> None:
    with serving({"/robots.txt": robots("User-agent: *\nDisallow: /"), "/x": OK}) as server:
        (result,) = fetch(server, "/x", settings=replace(SETTINGS, robots="ignore", opt_out=()))

    assert reason_of(result) is ALLOWED
    assert server.requests == ["/x"]


# --- tdmrep.json


def tdm(body: bytes | Behaviour, *headers: str) -> tuple[RejectReason | None, HostileServer]:
    file = answer(200, body) if isinstance(body, bytes) else body
    with serving({"/.well-known/tdmrep.json": file, "/img/x": answer(200, b"image", *headers)}) as server:
        (result,) = fetch(server, "/img/x")
    return reason_of(result), server


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        pytest.param(b'[{"location": "/img/*", "tdm-reservation": 1}]', (), OPTED_OUT, id="reserved"),
        pytest.param(b'[{"location": "/other/", "tdm-reservation": 1}]', (), ALLOWED, id="other-path"),
        pytest.param(b'[{"location": "/", "tdm-reservation": 0}]', ("tdm-reservation: 1",), OPTED_OUT, id="header-over-file"),
        pytest.param(b'[{"location": "/", "tdm-reservation": 1}]', ("tdm-reservation: 0",), ALLOWED, id="header-frees"),
        pytest.param(b'[{"location": "/", "tdm-reservation": 1}]', ("tdm-reservation: yes",), OPTED_OUT, id="senseless-header"),
        pytest.param(b"[" * 2_000_000, (), OPTED_OUT, id="bomb"),
        pytest.param(b'[{"location": ', (), OPTED_OUT, id="cut-json"),
        pytest.param(b"<html>not found</html>", (), ALLOWED, id="a-page"),
        pytest.param(answer(404), (), ALLOWED, id="none"),
        pytest.param(reset, (), ALLOWED, id="unreachable"),
    ],
)  # fmt: skip
def test_what_tdmrep_means(body: bytes | Behaviour, headers: tuple[str, ...], expected: RejectReason | None) -> None:
    assert tdm(body, *headers)[0] is expected


def test_the_detail_says_which_statement_it_was() -> None:
    with serving({"/x": answer(200, b"image", "X-Robots-Tag: noai")}) as server:
        (result,) = fetch(server, "/x")

    assert isinstance(result, Refused)
    assert result.detail == "X-Robots-Tag: noai"


# --- Pure parts


def test_the_product_token_is_what_stands_before_the_version() -> None:
    assert product_token("lab-bot/1.0 (+https://lab.example/bot)") == "lab-bot"
    assert product_token("lab") == "lab"


def test_an_objection_counts_only_in_our_group_and_for_the_whole_site() -> None:
    text = "User-agent: a\nUser-agent: *\nContent-Usage: /img/ train-ai=n\nContent-Usage: / train-ai=n"

    assert site_objection(text, "us") is not None
    assert site_objection(text + "\nUser-agent: us\nAllow: /", "us") is None
    assert site_objection("User-agent: *\nContent-Usage: /img/ train-ai=n", "us") is None


def test_lines_with_nul_and_a_byte_order_mark_go() -> None:
    assert robots_text(b"\xef\xbb\xbfa\r\nb\0c\nd") == "a\nd"
