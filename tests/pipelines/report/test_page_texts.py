"""The texts of a page are read again from where the run read it, each with what became of it."""

import json
import pathlib

import pytest

from beam_runner import main
from pipelines.report.page_texts import page_texts
from tests.pipelines.interleave.test_transform import TEXT, make_input, response, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("pages")
    make_input(path)
    page = f"<nav>Home and more</nav><article><p>{TEXT}</p></article><div class=cookie>We use cookies</div>"
    (path / "good.warc.gz").write_bytes(response(7, "<p>first") + response(0, page))
    run(path)
    return str(path / "run-lexbor")


def fates(found: object) -> list[tuple[str, str]]:
    assert isinstance(found, list)
    return [(text.fate, text.text) for text in found]


def test_every_text_of_an_archived_page_has_its_fate(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = [("navigation", "Home and more"), ("kept", TEXT), ("dialog", "We use cookies")]

    assert fates(page_texts(folder, "https://example.org/0")) == expected
    assert main(["explain", folder, "https://example.org/0", "--texts", "--json"]) == 0
    assert [(row["fate"], row["text"]) for row in json.loads(capsys.readouterr().out)["texts"]] == expected


def test_a_page_of_a_folder_is_read_again_too(folder: str) -> None:
    assert fates(page_texts(folder, "https://example.net/a/")) == [("kept", f"{TEXT} In a folder.")]


def test_what_cannot_be_read_again_says_so(folder: str) -> None:
    assert page_texts(folder, "https://example.org/none") is None
    with pytest.raises(ValueError, match="holds no page at"):
        page_texts(folder, "https://example.com/t")
    pathlib.Path(folder).parent.joinpath("site", "example.net", "a", "index.html").unlink()
    with pytest.raises(FileNotFoundError):
        page_texts(folder, "https://example.net/a/")
