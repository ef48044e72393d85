"""Bad archives, pages and pictures are rejections with reasons, and the rest of the run is whole."""

import io
import json
import pathlib

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipelines.runs.folder import RunFolder
from schemas.documents import Document, TextSegment
from schemas.rejections import Rejection
from tests.integration.lines import SmallWorld, mm1, run_line

pytestmark = pytest.mark.slow

SENTENCE = "The keeper of the old lighthouse writes down, every evening, how many ships went by and what they carried. "
ONLY_DATA = ("--set", "score.model=null", "--set", "recaption.captioner=none", "--workers", "1")


def page(body: str) -> bytes:
    paragraphs = "".join(f"<p>{SENTENCE}{number}.</p>" for number in range(3))
    return f"<html><head><title>T</title></head><body><article>{paragraphs}{body}</article></body></html>".encode()


PAGES = {
    "https://bad.example/plain": page("<p>Nothing is wrong with this page, which stands beside the bad ones.</p>"),
    "https://bad.example/ten-megabytes": page("<p>" + SENTENCE * 100_000 + "</p>"),
    "https://bad.example/deep": page("<div>" * 50_000 + "deep" + "</div>" * 50_000),
    "https://bad.example/latin": page("<p>Ein gro\u00dfer L\u00f6we.</p>").decode().encode("latin-1"),
}


def write_warc(path: pathlib.Path) -> None:
    """Writes the pages, the last one with a false charset, as a gzipped WARC."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url, body in PAGES.items():
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            writer.write_record(
                writer.create_warc_record(
                    url, "response", payload=io.BytesIO(body), length=len(body), http_headers=headers
                )
            )


@pytest.fixture(scope="module")
def run(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run over the small world with bad archives beside its good ones."""
    folder = tmp_path_factory.mktemp("bad")
    write_warc(folder / "pages.warc.gz")
    whole = (folder / "pages.warc.gz").read_bytes()
    (folder / "truncated.warc.gz").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "empty.warc.gz").write_bytes(b"")
    (folder / "not-a.warc.gz").write_bytes(b"PK\3\4 this is no archive of ours" * 100)
    names = ["pages", "truncated", "empty", "not-a", "missing"]
    patterns = [f"{small_world.folder}/world/warc/pages-*.warc.gz", *(f"{folder}/{name}.warc.gz" for name in names)]
    run_line(small_world.recipe, folder / "run", *ONLY_DATA, "--set", f"input.pages={json.dumps(patterns)}")
    return folder / "run"


def rejections(run: pathlib.Path, job: str) -> list[Rejection]:
    return list(RunFolder(str(run)).read(job, Rejection, "rejected"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "input_missing"), ("empty", "input_empty"), ("not-a", "not_a_warc"), ("truncated", "truncated")],
)
def test_a_bad_archive_is_one_rejection(run: pathlib.Path, name: str, reason: str) -> None:
    found = {r.reason.value for r in rejections(run, "interleave") if f"/{name}.warc.gz" in r.item}

    assert reason in found


def test_the_good_pages_beside_them_are_documents(run: pathlib.Path) -> None:
    urls = {document.url for document in RunFolder(str(run)).read("interleave", Document)}

    assert "https://bad.example/plain" in urls
    assert len(urls) > 40


def test_a_large_and_a_deep_page_end_somewhere(run: pathlib.Path) -> None:
    documents = {document.url for document in RunFolder(str(run)).read("interleave", Document)}
    rejected = {rejection.url for rejection in rejections(run, "interleave")}

    for url in ("https://bad.example/ten-megabytes", "https://bad.example/deep"):
        assert url in documents or url in rejected


def test_a_page_of_false_encoding_keeps_its_ascii_text(run: pathlib.Path) -> None:
    (document,) = [
        d
        for d in RunFolder(str(run)).read("interleave", Document)
        if d.url.endswith("/latin") and d.archive.endswith("/pages.warc.gz")
    ]

    assert SENTENCE.strip() in " ".join(s.text for s in document.segments if isinstance(s, TextSegment))


def test_every_kind_of_bad_picture_has_its_reason(run: pathlib.Path) -> None:
    assert {"broken_image", "empty_file", "not_an_image", "too_many_pixels", "not_found"} <= {
        rejection.reason.value for rejection in rejections(run, "fetch")
    }


def test_all_numbers_add_up_and_the_shards_are_sound(run: pathlib.Path) -> None:
    stats = json.loads(mm1("stats", str(run), "--json").stdout)

    assert all(job["in"] == job["out"] + sum(job["rejected"].values()) for job in stats["jobs"].values())
    assert mm1("verify", str(run)).returncode == 0


def test_bad_settings_are_all_named_before_any_work(small_world: SmallWorld, tmp_path: pathlib.Path) -> None:
    recipe = tmp_path / "bad.yaml"
    text = small_world.recipe.read_text().replace("world/", f"{small_world.folder}/world/")
    recipe.write_text(text.replace("  min: ", "  modle: x\n  min: high #").replace("seed: 20240314", "seed: [1]"))

    done = mm1("run", str(recipe), "--out", str(tmp_path / "run"))

    assert done.returncode == 2
    for part in ("bad.yaml:", "score.min", "'high'", "score.modle", "Did you mean 'model'?", "seed"):
        assert part in done.stderr
    assert not (tmp_path / "run").exists()
