"""``stats``, ``status``, ``explain`` and ``show`` on a run folder written by hand."""

import json
import pathlib
from typing import Any

import pytest

from beam_runner import main
from tests.pipelines.report.small_run import BAD, BAD_ID, GOOD, GOOD_ID, KEY, PAGE, PAGE_ID, write_small_run, write_tar


@pytest.fixture
def run(tmp_path: pathlib.Path) -> str:
    return write_small_run(tmp_path / "run")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(list(arguments)) == code
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def test_stats_have_every_job_with_numbers_that_add_up(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    statistics = as_json(capsys, "stats", run)

    assert statistics["schema_version"] == 1
    assert statistics["jobs"]["interleave"] == {
        "unit": "record",
        "in": 2,
        "out": 1,
        "rejected": {"not_html": 1},
        "units": {"record": {"in": 2, "out": 1, "rejected": {"not_html": 1}}},
        "totals": {"documents": 1},
    }
    assert all(job["in"] == job["out"] + sum(job["rejected"].values()) for job in statistics["jobs"].values())
    assert statistics["shards"] is None


def test_stats_of_a_folder_that_is_no_run_fail(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(tmp_path)]) == 1

    assert "is neither a run folder (no run.json) nor a folder of shards" in capsys.readouterr().err


def test_stats_refuse_numbers_that_do_not_add_up(
    run: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = pathlib.Path(run, "interleave", "summary.json")
    summary.write_text(summary.read_text().replace('"n_in": 2', '"n_in": 3'))

    assert main(["stats", run]) == 1
    assert "the numbers of record do not add up: 3 in, 1 out, 1 rejected" in capsys.readouterr().err


def test_status_is_read_from_summaries_and_receipts(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    work = pathlib.Path(run, "mix", ".work")
    work.mkdir(parents=True)
    report = '{"parts":[],"counts":{"sample":{"n_in":5,"n_out":4,"rejected":{"too_long":1}}},"totals":{}}'
    (work / "items-00000-of-00004.json").write_text(f'{{"fingerprint":"f","report":{report}}}')

    states = {job["job"]: job for job in as_json(capsys, "status", run)["jobs"]}

    assert [name for name, job in states.items() if job["state"] == "done"] == [
        "interleave",
        "fetch",
        "dedup",
        "score",
        "select",
    ]
    assert states["recaption"]["state"] == "not begun"
    assert states["mix"]["items"] == {"done": 1, "known": 4}
    assert states["mix"]["units"] == {"sample": {"in": 5, "out": 4, "rejected": {"too_long": 1}}}


def test_status_of_no_run_is_wrong_usage(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_a_page_is_explained_from_the_archive_to_the_pool(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "explain", run, PAGE)

    assert text == (
        f"page {PAGE} (document {PAGE_ID})\n"
        f"  interleave kept      {PAGE_ID}\n"
        "                       1 texts and 2 images from crawl.warc:100, language en 0.98: A page\n"
        f"  fetch      kept      {GOOD}\n"
        f"                       90 bytes, image {GOOD_ID}\n"
        f"  fetch      kept      {BAD}\n"
        f"                       90 bytes, image {BAD_ID}\n"
        f"  fetch      kept      {GOOD_ID}\n"
        "                       jpeg of 300 x 200 pixels, perceptual hash 00ff00ff00ff00ff,"
        " stored in fetch/bytes/part-00000-of-00001.tar at 512 + 90\n"
        f"  fetch      kept      {BAD_ID}\n"
        "                       jpeg of 300 x 200 pixels, perceptual hash 00ff00ff00ff00ff,"
        " stored in fetch/bytes/part-00000-of-00001.tar at 1,024 + 90\n"
        f"  score      measured  {GOOD_ID}\n"
        f"                       0.31 > 0.2; alt 0.3100; segment 1 of {PAGE_ID}\n"
        f"  score      measured  {BAD_ID}\n"
        f"                       0.12 < 0.2; alt 0.1200; segment 2 of {PAGE_ID}\n"
        "  select     rejected  crawl.warc:100#2\n"
        "                       low_score 0.12 < 0.2; image\n"
        f"  select     kept      {KEY}\n"
        "                       interleaved sample of 4 characters and 1 images\n"
    )


@pytest.mark.parametrize("query", [PAGE_ID, "crawl.warc:100"])
def test_a_page_has_several_names(run: str, capsys: pytest.CaptureFixture[str], query: str) -> None:
    assert printed(capsys, "explain", run, query).startswith(f"page {PAGE} (document {PAGE_ID})\n")


@pytest.mark.parametrize("query", [BAD, BAD_ID])
def test_an_image_is_explained_by_url_and_by_id(run: str, capsys: pytest.CaptureFixture[str], query: str) -> None:
    life = as_json(capsys, "explain", run, query)

    assert life["what"] == f"image {query}"
    assert [(e["job"], e["outcome"], e["value"], e["threshold"]) for e in life["events"]] == [
        ("fetch", "kept", None, None),
        ("fetch", "kept", None, None),
        ("score", "measured", 0.12, 0.2),
    ]


def test_a_sample_is_explained_by_its_key(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "explain", run, KEY).startswith(f"interleaved sample {KEY} of {PAGE}\n")


def test_a_rejected_record_is_explained(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    life = as_json(capsys, "explain", run, "crawl.warc:0")

    assert [(e["job"], e["reason"]) for e in life["events"]] == [("interleave", "not_html")]


def test_a_name_that_the_run_does_not_know_is_wrong_usage(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", run, "https://b.example/"]) == 2
    assert "knows nothing of 'https://b.example/'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["x", "--row", "1"], ["--step", "1"]])
def test_explain_takes_one_name(run: str, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["explain", run, *arguments]) == 2


def test_show_lists_the_tables_of_a_run(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_json(capsys, "show", run)["rows"]

    assert [(row["job"], row["table"], row["rows"]) for row in rows] == [
        ("interleave", "(main)", 1),
        ("interleave", "rejected", 1),
        ("fetch", "(main)", 2),
        ("fetch", "fetches", 2),
        ("dedup", "(main)", 1),
        ("score", "(main)", 2),
        ("select", "interleaved", 1),
        ("select", "rejected", 1),
    ]


def test_show_finds_a_row_of_a_table(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{run}/score/part-00000-of-00001.parquet"

    rows = as_json(capsys, "show", path, BAD_ID)["rows"]

    assert [(row["image_id"], row["alt"]) for row in rows] == [(BAD_ID, 0.12)]


def test_show_prints_a_sample_in_its_order(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = {
        "kind": "interleaved",
        "texts": ["One.\x1b[0m", None],
        "images": [None, "000.jpg"],
        "source": {"url": PAGE},
    }
    write_tar(
        tmp_path / "s.tar",
        {
            "k1.000.jpg": b"x" * 5,
            "k1.json": json.dumps(content).encode(),
            "k2.txt": b"t",
        },
    )

    assert printed(capsys, "show", str(tmp_path / "s.tar"), "k1") == (
        f"k1  interleaved  {PAGE}\n    One.\\x1b[0m\n    [image 000.jpg, 5 bytes]\n"
    )


def test_show_of_something_else_names_what_it_reads(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "a.txt")]) == 2
    assert "give a run folder, or a file that ends in .tar, .parquet" in capsys.readouterr().err
