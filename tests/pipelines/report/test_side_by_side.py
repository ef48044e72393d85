"""Two runs side by side: every number by hand, equal runs in words, a damaged folder as an error."""

import pathlib
import re
import shutil

import pytest
from lxml import html

from beam_runner import main
from pipelines.report.page import ReportSettings, number, percent, render_report
from pipelines.report.side_by_side import Pair, compare_runs
from schemas.errors import SchemaError
from schemas.json_form import to_json
from schemas.manifest import Manifest
from schemas.summary import UnitCounts
from tests.pipelines.report.small_run import RUN_FILE, commit, write_small_run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def other(tmp_path: pathlib.Path) -> str:
    return write_small_run(tmp_path / "other")


@pytest.fixture
def run(tmp_path: pathlib.Path) -> str:
    """Four more records, three more images that fail, another threshold, and no ``select``."""
    folder = pathlib.Path(write_small_run(tmp_path / "run"))
    (folder / "run.json").write_text(RUN_FILE.replace('"min":0.2', '"min":0.5').replace("0.1.0", "0.2.0"))
    counts = UnitCounts(n_in=8, n_out=6, rejected={"not_html": 1, "no_main_text": 1})
    commit(folder, "interleave", "record", counts)
    commit(folder, "fetch", "url", UnitCounts(n_in=5, n_out=2, rejected={"timeout": 2, "not_found": 1}))
    shutil.rmtree(folder / "select")
    return str(folder)


def write_manifest(run: str, rows: dict[str, int], weights: dict[str, float]) -> None:
    nothing = dict.fromkeys(rows, 0)
    total = sum(rows.values())
    manifest = Manifest(
        recipe_fingerprint="f", tokenizer="tokenizer.json", tokenizer_sha256="0", special_tokens={}, seed=0,
        sequence_length=512, tokens_per_image=16, images_per_row=8, rows_per_shard=32, weights=weights, shards=(),
        rows=rows, samples=rows, text_tokens=nothing, images=nothing,
        shares={kind: n / total for kind, n in rows.items()}, pool_rows=rows, left_over=nothing, repeated=nothing,
        capped_positions=nothing,
    )  # fmt: skip
    folder = pathlib.Path(run, "shards")
    folder.mkdir()
    (folder / "manifest.json").write_text(to_json(manifest))


def tables(this: str, compare: str) -> dict[str, list[list[str]]]:
    """Returns the cells of every table of the comparison, by the id of the heading above it."""
    page = html.document_fromstring(render_report(this, ReportSettings(compare=compare)))
    found = {}
    for table in page.xpath("//section[@id='compare']//table"):
        title = table.xpath("preceding::h3[1]/@id")[0].removeprefix("compare-")
        found[title] = [[cell.text_content() for cell in row] for row in table.xpath(".//tbody/tr")]
    return found


def test_two_funnels_stand_side_by_side_the_largest_change_first(run: str, other: str) -> None:
    found = tables(run, other)

    assert found["settings"] == [["score.min", "0.2", "0.5"], ["version of mm1", "0.1.0", "0.2.0"]]
    # fetch: 2 of 2, then 2 of 5; interleave: 1 of 2, then 6 of 8.
    assert found["kept"] == [
        ["fetch", "url", "2", "5", "2", "2", "100.00", "40.00", "-60.00"],
        ["interleave", "record", "2", "8", "1", "6", "50.00", "75.00", "+25.00"],
        ["dedup", "image", "2", "2", "2", "2", "100.00", "100.00", "0.00"],
        ["score", "place", "2", "2", "2", "2", "100.00", "100.00", "0.00"],
        ["select", "candidate", "1", "–", "1", "–", "100.00", "–", "–"],
    ]
    assert found["reasons"] == [
        ["timeout", "fetch", "url", "0", "2", "0.00", "40.00", "+40.00"],
        ["not_html", "interleave", "record", "1", "1", "50.00", "12.50", "-37.50"],
        ["not_found", "fetch", "url", "0", "1", "0.00", "20.00", "+20.00"],
        ["no_main_text", "interleave", "record", "0", "1", "0.00", "12.50", "+12.50"],
    ]
    assert found["totals"] == [["documents", "select", "1", "–", "–"]]


def test_a_run_that_lacks_jobs_is_named_on_either_side(run: str, other: str) -> None:
    assert compare_runs(other, run).lacking == ("This run has not committed select.",)
    assert compare_runs(run, other).lacking == ("The other run has not committed select.",)


def test_a_run_that_has_committed_nothing_is_compared_too(tmp_path: pathlib.Path, other: str) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "run.json").write_text(RUN_FILE)

    found = compare_runs(other, str(tmp_path / "begun"))

    assert found.lacking == ("This run has not committed interleave, fetch, dedup, score, select.",)
    assert {row.counts.this for row in found.kept} == {None}
    assert not found.is_same


def test_the_mixture_stands_with_what_was_asked_for(run: str, other: str) -> None:
    write_manifest(other, {"caption": 3, "text": 1}, {"caption": 0.75, "text": 0.25})
    write_manifest(run, {"caption": 2, "interleaved": 6}, {"caption": 0.3, "interleaved": 0.7})

    found = tables(run, other)

    assert found["mixture"] == [
        ["interleaved", "0", "6", "0.00", "70.00", "0.00", "75.00", "+75.00"],
        ["caption", "3", "2", "75.00", "30.00", "75.00", "25.00", "-50.00"],
        ["text", "1", "0", "25.00", "0.00", "25.00", "0.00", "-25.00"],
    ]
    assert ["rows of caption", "shards", "3", "2", "-1"] in found["totals"]
    assert [row for row in found["totals"] if row[0].startswith(("shares", "weights"))] == []


@pytest.mark.parametrize("compare", ["itself", "a copy"])
def test_equal_runs_differ_in_nothing(other: str, compare: str) -> None:
    path = other if compare == "itself" else shutil.copytree(other, f"{other}-copy")

    page = html.document_fromstring(render_report(other, ReportSettings(compare=path, pictures=False)))

    section = page.get_element_by_id("compare")
    assert section.xpath("string(p)").startswith("No difference: ")
    assert section.xpath(".//table") == []


def test_a_report_without_another_run_says_nothing_of_one(other: str) -> None:
    page = html.document_fromstring(render_report(other, ReportSettings(pictures=False)))

    assert page.xpath("//*[@id='compare']") == []


def test_the_comparison_is_the_same_bytes_and_reads_as_the_rest(run: str, other: str) -> None:
    (pathlib.Path(other) / "run.json").write_text(RUN_FILE.replace("/crawl.warc", HOSTILE))
    texts = [render_report(run, ReportSettings(compare=other)) for _ in range(2)]
    page = html.document_fromstring(texts[0])

    assert texts[0] == texts[1]
    assert HOSTILE not in texts[0]
    assert page.xpath("//section[@id='compare']//td[1]")[0].text_content() == f"['{HOSTILE}']"
    assert page.xpath("//nav//a/@href") == [f"#{section.get('id')}" for section in page.xpath("//main/section")]
    assert page.xpath("//section[@id='compare']//th[not(@scope)]") == []
    assert page.xpath("//section[@id='compare']//tr[not(th)]") == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("run.json", "{", "run.json is damaged, not JSON"),
        ("run.json", "[]", "is not a run file of mm1"),
        ("fetch/summary.json", "{", "not JSON"),
    ],
)
def test_a_damaged_folder_is_named(run: str, other: str, file: str, text: str, message: str) -> None:
    pathlib.Path(other, file).write_text(text)

    with pytest.raises(SchemaError, match=rf"^cannot compare with {re.escape(other)}: .*{message}"):
        compare_runs(other, run)


def test_a_missing_folder_fails_and_nothing_is_written(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", run, "--compare", f"{run}-none"]) == 1

    printed = " ".join(capsys.readouterr().err.split())
    assert printed.startswith(f"error: cannot compare with {run}-none: ")
    assert "no run.json" in printed
    assert not pathlib.Path(run, "report.html").exists()


def test_the_command_writes_the_comparison(run: str, other: str) -> None:
    assert main(["report", run, "--compare", other]) == 0

    text = pathlib.Path(run, "report.html").read_text()
    assert text == render_report(run, ReportSettings(compare=other))


def test_a_change_needs_both_numbers() -> None:
    assert Pair(other=2, this=5).change == 3
    assert Pair(other=None, this=5).change is None
    assert [number(1234), number(-3, signed=True), number(3, signed=True), number(0, signed=True), number(None)] == [
        "1,234", "-3", "+3", "0", "–",
    ]  # fmt: skip
    assert [percent(0.12345), percent(-0.000001, signed=True), percent(0.5, signed=True), percent(None)] == [
        "12.35", "0.00", "+50.00", "–",
    ]  # fmt: skip
