"""The input is counted by its files, and its pages by a sample."""

import dataclasses
import io
import pathlib

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipelines.report import census
from schemas.recipe import FetchSettings, InputSettings, Recipe

PARAGRAPH = "<p>The keeper of the old lighthouse writes down how many ships went by and what they carried.</p>"
IMAGES = "<img src='/a.jpg'><img src='//img.example/b.jpg'><img src='//img.example/c.jpg'>"
BODY = f"<html><body><article>{PARAGRAPH * 4}{IMAGES}</article></body></html>".encode()


def write_warc(path: pathlib.Path, pages: int) -> None:
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number in range(pages):
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            url = f"https://lab.example/{number}"
            record = writer.create_warc_record(
                url, "response", payload=io.BytesIO(BODY), length=len(BODY), http_headers=headers
            )
            writer.write_record(record)


def recipe(folder: pathlib.Path) -> Recipe:
    files = InputSettings(pages=(f"{folder}/*.warc.gz",), text=(f"{folder}/*.txt",))
    return Recipe(version=1, run="/run", input=files, fetch=FetchSettings(source="archive"))


def test_files_bytes_and_pages_are_counted(tmp_path: pathlib.Path) -> None:
    for number in range(4):
        write_warc(tmp_path / f"{number}.warc.gz", 25)
    (tmp_path / "a.txt").write_text("one two three")
    n_bytes = sum(path.stat().st_size for path in tmp_path.iterdir())

    found = census.take_census(recipe(tmp_path))

    assert (found.files, found.n_bytes, found.work_items) == (5, n_bytes, 5)
    # Three of the four archives are sampled; all four are of one size.
    assert found.sampled_pages == 75
    assert found.pages == pytest.approx(100, abs=1)
    assert found.images_per_page == 3.0
    assert (found.largest_host, found.largest_host_share) == ("img.example", 2 / 3)


def test_of_a_large_archive_only_the_beginning_is_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_warc(tmp_path / "0.warc.gz", 200)
    n_bytes = (tmp_path / "0.warc.gz").stat().st_size
    monkeypatch.setattr(census, "SAMPLED_BYTES", n_bytes // 10)

    found = census.take_census(recipe(tmp_path))

    assert found.sampled_pages == pytest.approx(20, abs=2)
    assert found.pages == pytest.approx(200, rel=0.1)


def test_no_input_is_no_pages(tmp_path: pathlib.Path) -> None:
    found = census.take_census(recipe(tmp_path))

    assert dataclasses.astuple(found) == (0, 0, 0, 0, 0, None, None, 0.0)
