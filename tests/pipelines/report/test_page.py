"""The report: numbers that are right, hostile text as text, no request."""

import base64
import json
import pathlib
import re

import pytest
from lxml import etree, html

from pipelines.report.alerts import alerts
from pipelines.report.columns import smallest
from pipelines.report.histograms import run_histograms
from pipelines.report.page import ReportSettings, render_report, script_json
from pipelines.report.recipes import recipe_of_run
from pipelines.report.statistics import run_statistics
from pipelines.report.what_if import sample_places
from pipelines.runs.folder import RunFolder
from schemas.errors import SchemaError
from schemas.rejections import Rejection, RejectReason
from schemas.summary import UnitCounts
from tests.pipelines.report.small_run import BAD, GOOD, OCCURRENCE, commit, write_small_run, write_store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def run(tmp_path: pathlib.Path) -> str:
    folder = write_small_run(tmp_path / "run")
    write_store(folder)
    return folder


def rendered(run: str) -> "html.HtmlElement":
    return html.document_fromstring(render_report(run, ReportSettings()))


def texts(page: "html.HtmlElement", path: str) -> list[str]:
    return [" ".join(node.text_content().split()) for node in page.xpath(path)]


def test_the_funnel_has_a_row_for_every_unit_and_adds_up(run: str) -> None:
    rows = rendered(run).xpath("//section[@id='funnel']//tbody/tr")

    assert [[" ".join(cell.text_content().split()) for cell in row][:6] for row in rows] == [
        ["interleave", "record", "2", "1", "1", "not_html 1"],
        ["fetch", "url", "2", "2", "0", ""],
        ["dedup", "image", "2", "2", "0", ""],
        ["score", "place", "2", "2", "0", ""],
        ["select", "candidate", "1", "1", "0", ""],
    ]


def test_a_kept_document_is_shown_in_order_with_what_was_left_out(run: str) -> None:
    page = rendered(run)

    assert texts(page, "//section[@id='kept']//article/h3") == ["A page"]
    assert texts(page, "//section[@id='kept']//article/p[not(@class)]") == ["One."]
    assert page.xpath("//section[@id='kept']//div[@class='picture lost']//div/text()")[0] == BAD
    assert page.xpath("//section[@id='kept']//div[@class='picture ']//div/text()") == [
        GOOD,
        "alt: A red cat",
        "score 0.310",
    ]
    assert texts(page, "//section[@id='kept']//span[@class='why']") == ["low_score 0.12 < 0.2"]
    pictures = page.xpath("//section[@id='kept']//img/@src")
    assert [base64.b64decode(uri.partition(",")[2])[8:12] for uri in pictures] == [b"WEBP", b"WEBP"]


def test_a_document_that_was_left_out_is_shown_with_its_reason(run: str) -> None:
    lost = Rejection(job="select", kind="document", item=OCCURRENCE, reason=RejectReason.WRONG_LANGUAGE, detail="fr")
    counts = UnitCounts(n_in=1, rejected={"wrong_language": 1})
    commit(pathlib.Path(run), "select", "candidate", counts, rejected=[lost])

    page = rendered(run)

    assert texts(page, "//section[@id='lost']//p[@class='why']") == ["left out: wrong_language (fr)"]
    assert texts(page, "//section[@id='kept']//article") == []


def test_hostile_text_stays_text_and_nothing_is_asked_for(run: str) -> None:
    for path in pathlib.Path(run, "select", "rejected").glob("*.parquet"):
        path.unlink()
    lost = Rejection(job="select", kind="document", item=OCCURRENCE, reason=RejectReason.WRONG_LANGUAGE, detail=HOSTILE)
    counts = UnitCounts(n_in=1, rejected={"wrong_language": 1})
    commit(pathlib.Path(run), "select", "candidate", counts, rejected=[lost])

    text = render_report(run, ReportSettings())
    page = html.document_fromstring(text)

    assert texts(page, "//p[@class='why']") == [f"left out: wrong_language ({HOSTILE})"]
    assert len(page.xpath("//script")) == 2
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; img-src data:;")
    references = page.xpath("//@src | //link/@href | //@srcset | //object/@data")
    assert all(reference.startswith("data:image/webp;base64,") for reference in references)
    assert "@import" not in text
    assert "url(" not in text


def test_json_in_a_script_cannot_end_it() -> None:
    text = script_json({"a": "</script>&<!--"})

    assert not re.search("[<>&]", text)
    assert json.loads(text) == {"a": "</script>&<!--"}


def test_every_chart_has_a_sentence_and_its_numbers(run: str) -> None:
    page = rendered(run)

    for figure in page.xpath("//section[@id='values']//figure"):
        svg = figure.find(".//svg")
        assert svg.get("role") == "img"
        assert svg.get("aria-label")
        assert figure.xpath(".//details//table//td")
    assert page.get("lang") == "en"
    assert [label for label in page.xpath("//input/@id") if not page.xpath(f"//label[.//input[@id='{label}']]")] == []


def test_the_page_is_well_formed_as_a_tree_of_sections(run: str) -> None:
    sections = rendered(run).xpath("//main/section")

    assert [section.get("aria-labelledby") for section in sections] == [f"{s.get('id')}-title" for s in sections]
    links = rendered(run).xpath("//nav//a/@href")
    assert links == [f"#{section.get('id')}" for section in sections]
    assert isinstance(sections[0], etree.ElementBase)


def test_histograms_count_what_the_tables_hold(run: str) -> None:
    histograms = {h.name: h for h in run_histograms(RunFolder(run), recipe_of_run(run))}

    scores = histograms["CLIP score"]
    assert {scores.label(i): n for i, n in enumerate(scores.counts) if n} == {"0.1 to 0.125": 1, "0.3 to 0.325": 1}
    assert scores.thresholds == (("score.min", 0.2),)
    sides = histograms["Shorter side in pixels"]
    assert {sides.label(i): n for i, n in enumerate(sides.counts) if n} == {"150 to 224": 2}
    aspects = histograms["Aspect ratio"]
    assert {aspects.label(i): n for i, n in enumerate(aspects.counts) if n} == {"1.5 to 1.75": 2}


def test_the_sliders_have_every_place_of_a_small_run(run: str) -> None:
    sample = sample_places(RunFolder(run), 100, seed=0)

    assert sample.population == 2
    assert sorted(zip(sample.sides, sample.aspects, sample.scores, strict=True)) == [
        (200, 1.5, 0.12),
        (200, 1.5, 0.31),
    ]


def test_a_sample_is_the_same_whatever_the_order() -> None:
    keyed = [(str(n), n) for n in range(1000)]

    one, other = (smallest("test", 1, iter(order), 20) for order in (keyed, keyed[::-1]))

    assert one == other
    assert len(set(one)) == 20
    assert one != smallest("test", 2, iter(keyed), 20)


def test_alerts_name_what_stands_out(run: str) -> None:
    found = alerts(run_statistics(run), recipe_of_run(run), ["limits.max_rejected.fetch: broken"])

    assert found == [
        "limits.max_rejected.fetch: broken",
        "interleave: 50 % of 2 records were left out for not_html.",
        "There are no shards yet.",
    ]


def test_a_folder_that_is_no_run_has_no_report(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SchemaError, match=r"has no run\.json"):
        render_report(str(tmp_path), ReportSettings())
