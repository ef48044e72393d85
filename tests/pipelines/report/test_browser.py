"""The report in a real browser, from a file, without a network."""

import pathlib
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from pipelines.report.page import ReportSettings, render_report
from tests.browser import Page, browser, chromium
from tests.pipelines.report.small_run import write_small_run, write_store

PROGRAM = chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: nothing showed the report"),
]

HOSTILE = '</script><script>alert(1)</script><img src=http://a.example/x onerror=alert(1)>" onload=alert(1)'
NAMED = {"slider", "image", "link", "button", "navigation", "region", "heading", "form", "table"}
"""Roles that say nothing without a name."""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab in one browser for all tests."""
    with browser(str(PROGRAM), tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The report of the small run, of which one image has a hostile alternative text."""
    folder = tmp_path_factory.mktemp("report")
    run = write_small_run(folder / "run", alt=HOSTILE)
    write_store(run)
    report = folder / "report.html"
    report.write_text(render_report(run, ReportSettings()))
    return report


@pytest.fixture
def page(tab: Page, path: pathlib.Path) -> Page:
    """The tab, with the report just opened."""
    tab.open(path)
    return tab


def test_the_page_opens_without_a_request_a_dialog_or_an_error(page: Page, path: pathlib.Path) -> None:
    page.evaluate(
        "new Promise(done => { scrollTo(0, document.body.scrollHeight); requestAnimationFrame(() => done()) })"
    )

    asked = {event["request"]["url"].partition(",")[0] for event in page.happened("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:image/")} == {path.as_uri()}
    assert page.happened("Page.javascriptDialogOpening") == []
    assert page.happened("Runtime.exceptionThrown") == []
    assert page.happened("Runtime.consoleAPICalled") == []
    assert page.happened("Log.entryAdded") == []
    assert page.evaluate("document.title").startswith("Report of ")


def test_every_picture_of_the_examples_is_drawn(page: Page) -> None:
    sizes = page.evaluate(
        "Promise.all([...document.images].map(async image => {"
        " image.loading = 'eager'; await image.decode(); return [image.naturalWidth, image.clientWidth > 0] }))"
    )

    # Two 8 x 8 pictures, the one that was kept and the one with a low score.
    assert sizes == [[8, True], [8, True]]


@pytest.mark.parametrize(
    ("slider", "key", "code", "outcome"),
    [
        # The scores are 0.31 and 0.12, the pictures 300 x 200.
        ("score_min", "Home", 36, "kept 100.0 %, about 2 images; first reason of the others: none"),
        ("score_min", "End", 35, "kept 0.0 %, about 0 images; first reason of the others: low_score 2"),
        ("min_side", "End", 35, "kept 0.0 %, about 0 images; first reason of the others: too_small 2"),
        ("max_aspect", "Home", 36, "kept 0.0 %, about 0 images; first reason of the others: bad_aspect 2"),
    ],
)
def test_a_slider_says_what_another_threshold_would_keep(
    page: Page, slider: str, key: str, code: int, outcome: str
) -> None:
    before = page.evaluate("document.getElementById('outcome').textContent")
    page.press(f"#{slider}", key, code)

    assert before == "kept 50.0 %, about 1 images; first reason of the others: low_score 1"
    assert page.evaluate("document.getElementById('outcome').textContent") == outcome


def test_the_fragment_is_a_recipe_with_the_sliders_values(page: Page) -> None:
    page.press("#score_min", "End", 35)
    page.press("#min_side", "Home", 36)

    fragment = YAML(typ="safe").load(page.evaluate("document.getElementById('fragment').textContent"))

    assert fragment == {"images": {"min_side": 0, "max_aspect": 2}, "score": {"min": 0.5}}


def test_everything_that_needs_a_name_has_one(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")

    found = page.accessible()

    assert [role for role, name in found if role in NAMED and not name] == []
    sliders = [name.split()[0] for role, name in found if role == "slider"]
    assert sliders == ["images.min_side", "images.max_aspect", "score.min"]
    assert [name for role, name in found if role == "navigation"] == ["Sections"]
    assert {role for role, _ in found} >= {"image", "region", "link", "heading", "table"}


def test_every_section_is_a_link_away_and_no_link_leads_nowhere(page: Page) -> None:
    broken = page.evaluate("[...document.links].filter(link => !document.querySelector(link.hash)).length")

    assert broken == 0
    assert page.evaluate("[...document.links].every(link => link.protocol === 'file:')")


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_stands_beyond_the_edge(page: Page, width: int) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)

    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


def test_hostile_text_is_shown_as_it_is(page: Page) -> None:
    alternative, shown = page.evaluate(
        "[document.images[0].alt, document.querySelector('#kept .picture .soft').textContent]"
    )

    assert alternative == HOSTILE
    assert f"alt: {HOSTILE}" in shown
    assert page.evaluate("document.scripts.length") == 2
