"""No group holds all URLs of a host, whatever the input repeats."""

import pathlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.fetch import plans, portions
from pipelines.fetch.portions import HOST, PORTION, Urls
from pipelines.joins.lookup import ROWS_PER_BUCKET
from pipelines.runs.job import JobContext
from schemas.arrow import to_table
from schemas.documents import Document
from schemas.recipe import FetchSettings, InputSettings, Recipe
from tests.pipelines.fetch.line import document

PARTS = 20
HOT = "http://hot.example"


def grouped(elements: Iterator[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    """Returns what a GroupByKey gives."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in elements:
        groups[key].append(value)
    return groups


def route(
    parts: dict[str, list[str]], urls_per_portion: int, buckets: int
) -> tuple[dict[Any, list[Urls]], dict[Any, list[Urls]]]:
    """Returns the groups of URLs by bucket of their host, and by portion."""
    paths = list(parts)
    counted = grouped(found for numbered in enumerate(paths) for found in portions.count_hosts(numbered, buckets))
    cut = grouped(found for group in counted.items() for found in portions.plan_portions(group, urls_per_portion))
    routed = [
        element
        for part in range(len(paths))
        for element in portions.route_urls((part, cut.get(part, [])), paths, buckets)
    ]
    whole = grouped(element for stream, element in routed if stream == HOST)
    return whole, grouped(element for stream, element in routed if stream == PORTION)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The URLs of the parts, which a test fills."""
    parts: dict[str, list[str]] = {}
    monkeypatch.setattr(portions, "read_urls", lambda path: iter(sorted(parts[path])))
    return parts


def test_no_group_of_200_000_urls_of_one_host_is_over_the_bound(read: dict[str, list[str]]) -> None:
    for part in range(PARTS):
        hot = [f"{HOT}/{part}/{number}.png" for number in range(10_000)]
        spread = [f"http://host-{number}.example/{part}.png" for number in range(1_000)]
        read[str(part)] = hot + spread
    buckets = PARTS * 11_000 // plans.URLS_PER_BUCKET

    whole, cut = route(read, plans.URLS_PER_PORTION, buckets)

    sizes = {key: sum(map(len, batches)) for key, batches in {**whole, **cut}.items()}
    assert sum(sizes.values()) == PARTS * 11_000
    assert len(cut) == 20
    # 10,000 by hash: five standard deviations are 500.
    assert max(sizes.values()) < 10_500 < ROWS_PER_BUCKET
    assert max(len(batches) for batches in cut.values()) <= PARTS


def test_portions_hold_every_url_of_their_host_once_and_no_other_host_is_cut(read: dict[str, list[str]]) -> None:
    shared = [f"{HOT}/{number}.png" for number in range(30)]
    for part in range(3):
        read[str(part)] = [*shared, f"http://cold.example/{part}.png"]

    whole, cut = route(read, 20, 4)

    found = [url for batches in cut.values() for url in set().union(*batches)]
    assert sorted(found) == sorted(shared)
    # 90 rows, as the three parts have them, are 5 portions of 20 at most.
    assert {key.split("-")[2] for key in cut} == {"5"}
    assert sorted(url for batches in whole.values() for batch in batches for url in batch) == [
        f"http://cold.example/{part}.png" for part in range(3)
    ]


def test_a_host_at_the_bound_is_not_cut(read: dict[str, list[str]]) -> None:
    read["0"] = [f"{HOT}/{number}.png" for number in range(20)]

    assert route(read, 20, 4)[1] == {}
    assert route(read, 19, 4)[0] == {}


def test_a_portion_is_the_same_file_whatever_came_first(tmp_path: pathlib.Path) -> None:
    inputs, settings = InputSettings(pages=("x",)), FetchSettings(source="archive")
    recipe = Recipe(version=1, run=str(tmp_path), input=inputs, fetch=settings)
    context = JobContext(run=str(tmp_path), job="fetch", recipe=recipe, fingerprint="f")
    batches = [("http://a/\ud800", "http://a/1"), ("http://a/0", "http://a/1")]

    host, (number, count, path) = portions.write_portion(("0123-4-7", batches), context)
    first = pathlib.Path(path).read_bytes()
    portions.write_portion(("0123-4-7", batches[::-1]), context)

    assert (host, number, count) == ("0123", 4, 7)
    assert portions.read_portion(path) == ["http://a/0", "http://a/1", "http://a/\ud800"]
    assert pathlib.Path(path).read_bytes() == first


def test_hosts_are_counted_by_distinct_urls_of_a_part(tmp_path: pathlib.Path) -> None:
    page = document("http://page.example/", [f"{HOT}/a.png", f"{HOT}/b.png", f"{HOT}/a.png", "http://cold.example/c"])
    path = tmp_path / "part.parquet"
    pq.write_table(to_table([page], Document), path)

    ((_, found),) = portions.count_hosts((3, str(path)), 1)

    assert found == (3, (("cold.example", 1), ("hot.example", 2)))
