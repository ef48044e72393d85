"""Statements against training, by the letter of their specifications."""

import pytest

from pipelines.fetch.web.opt_out import (
    parse_tdmrep,
    signal_objection,
    tdm_file_reservation,
    tdm_header_reservation,
    usage_objection,
    x_robots_objection,
)


@pytest.mark.parametrize(
    ("values", "objects"),
    [
        (["noai"], True),
        (["NoAI , NOINDEX"], True),
        (["noimageai"], True),
        (["noimageindex"], True),
        (["noindex, nofollow"], False),
        (["ourbot: noai"], True),
        (["OurBot : nofollow, noai"], True),
        (["otherbot: noai"], False),
        (["otherbot: noai", "noai"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], False),
        (["max-snippet: 20, noai"], True),
        ([""], False),
        ([], False),
    ],
)
def test_x_robots_tag(values: list[str], objects: bool) -> None:
    assert (x_robots_objection(values, "ourbot") is not None) == objects


@pytest.mark.parametrize(
    ("values", "reserved"), [(["1"], True), (["0"], False), (["yes"], None), ([" 1 "], True), ([], None)]
)
def test_tdm_reservation_header(values: list[str], reserved: bool | None) -> None:
    assert tdm_header_reservation(values) is reserved


FILE = b"""[
 {"location": "/img/free/*", "tdm-reservation": 0},
 {"location": "/img/", "tdm-reservation": 1, "tdm-policy": "https://a.example/policy"},
 {"location": "/*.gif$", "tdm-reservation": 1},
 {"location": "/bad", "tdm-reservation": "1"},
 {"location": 5, "tdm-reservation": 1}, "junk"
]"""


@pytest.mark.parametrize(
    ("path", "reserved"),
    [
        ("/img/free/a.png", False),
        ("/img/a.png", True),
        ("/other.png", None),
        ("/other.gif", True),
        ("/other.gif.png", None),
        ("/bad", None),
    ],
)
def test_of_tdmrep_json_the_first_match_counts(path: str, reserved: bool | None) -> None:
    rules = parse_tdmrep(FILE)
    assert rules is not None

    assert tdm_file_reservation(rules, path) is reserved


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"location": "/"}'])
def test_what_is_no_tdmrep_json_is_no_list_of_rules(body: bytes) -> None:
    assert parse_tdmrep(body) is None


def test_a_pattern_of_many_stars_takes_linear_time() -> None:
    rules = parse_tdmrep(b'[{"location": "/' + b"*a" * 500 + b'b$", "tdm-reservation": 1}]')
    assert rules is not None

    assert tdm_file_reservation(rules, "/" + "a" * 100_000) is None


@pytest.mark.parametrize(
    ("values", "objects"),
    [
        (["train-ai=n"], True),
        (["train-ai=y"], False),
        (["search=y, train-ai=n"], True),
        (["train-ai;allow=n, train-ai=y"], False),
        (["train-ai=n", "train-ai=y"], False),
        (["train-ai=y", "train-ai=n"], True),
        (["train-ai=n, train-ai"], False),
        (["train-ai=n;note=x"], True),
        (["=,,"], False),
        ([], False),
    ],
)
def test_content_usage(values: list[str], objects: bool) -> None:
    assert (usage_objection(values) is not None) == objects


@pytest.mark.parametrize(
    ("value", "objects"),
    [("ai-train=no", True), ("search=yes, AI-Train=no", True), ("ai-train=yes", False), ("x", False)],
)
def test_content_signal(value: str, objects: bool) -> None:
    assert (signal_objection([value]) is not None) == objects
