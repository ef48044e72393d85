"""The job as a pipeline: documents, texts, embedded images, rejections, and counts that add up."""

import gzip
import pathlib

import apache_beam as beam

from pipelines.interleave.transform import JOB
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import JobContext
from pipelines.runs.transforms import Commit
from schemas.documents import Document
from schemas.embedded import EmbeddedImage
from schemas.recipe import FetchSettings, InputSettings, InterleaveSettings, Recipe
from schemas.rejections import Rejection
from schemas.summary import UnitCounts
from schemas.texts import TextRow
from tests.hostile.test_warc import record

TEXT = "A page with words enough to be one, written so that nobody could take it for a menu or a label."
PIXELS = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB" * 40


def response(number: int, body: str) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return gzip.compress(record(number, block=head + body.encode()), mtime=0)


def make_input(folder: pathlib.Path) -> None:
    """Writes two archives, one damaged, a folder of pages, a table of pages, and texts."""
    images = "".join(f"<img src='/{n}.jpg'>" for n in range(4))
    records = [
        response(0, f"<p>{TEXT}</p><img src='/a.jpg' alt='a'><img src='/a.jpg'>"),
        response(1, f"<p>{TEXT}</p>{images}"),
        response(2, f"<p>{TEXT}</p><img src='{PIXELS}'>"),
        response(3, ""),
    ]
    (folder / "good.warc.gz").write_bytes(b"".join(records))
    (folder / "bad.warc.gz").write_bytes(records[0] + records[1][:40])
    (folder / "empty.warc.gz").write_bytes(b"")
    (folder / "no.warc.gz").write_bytes(b"<p>This is no archive.")
    site = folder / "site" / "example.net" / "a"
    site.mkdir(parents=True)
    (site / "index.html").write_text(f"<p>{TEXT} In a folder.</p>")
    (site / "x.jpg").write_bytes(b"not a page")
    (folder / "pages.jsonl").write_text(f'{{"url": "https://example.com/t", "html": "<p>{TEXT}"}}\nnonsense\n')
    (folder / "text.jsonl").write_text('{"text": "Some text for the pool."}\n{"text": ""}\n')


def run(folder: pathlib.Path, parser: str = "lexbor", limit: int | None = None) -> RunFolder:
    names = ["good.warc.gz", "bad.warc.gz", "empty.warc.gz", "no.warc.gz", "missing-*.warc.gz", "site", "pages.jsonl"]
    recipe = Recipe(
        version=1,
        run=str(folder / f"run-{parser}"),
        input=InputSettings(pages=tuple(f"{folder}/{name}" for name in names), text=(f"{folder}/text.jsonl",)),
        interleave=InterleaveSettings(max_images=3, parser=parser),  # type: ignore[arg-type]  # a name, not its literal
        fetch=FetchSettings(source="archive"),
    )
    context = JobContext(run=recipe.run, job="interleave", recipe=recipe, fingerprint="f")
    with beam.Pipeline(runner="FnApiRunner") as root:
        _ = JOB.build(root, context) | Commit(context, JOB.unit)
    return context.folder


def test_everything_that_goes_in_comes_out_or_has_its_reason(tmp_path: pathlib.Path) -> None:
    make_input(tmp_path)
    folder = run(tmp_path)
    summary = folder.committed("interleave")

    assert dict(summary.counts) == {
        "archive": UnitCounts(n_in=8, n_out=5, rejected={"input_empty": 1, "input_missing": 1, "not_a_warc": 1}),
        "image": UnitCounts(n_in=9, n_out=3, rejected={"repeated_in_page": 2, "too_many_images": 4}),
        "record": UnitCounts(
            n_in=9, n_out=5, rejected={"bad_row": 1, "empty_body": 1, "too_many_images": 1, "truncated": 1}
        ),
        "text": UnitCounts(n_in=2, n_out=1, rejected={"empty_body": 1}),
    }
    rejected = list(folder.read("interleave", Rejection, "rejected"))
    assert len(rejected) == sum(sum(counts.rejected.values()) for counts in summary.counts.values())


def test_documents_texts_and_embedded_images_are_read_back(tmp_path: pathlib.Path) -> None:
    make_input(tmp_path)
    folder = run(tmp_path)

    documents = list(folder.read("interleave", Document))
    assert sorted((document.url, document.archive.rpartition("/")[2]) for document in documents) == [
        ("https://example.com/t", "pages.jsonl"),
        ("https://example.net/a/", "index.html"),
        ("https://example.org/0", "bad.warc.gz"),
        ("https://example.org/0", "good.warc.gz"),
        ("https://example.org/2", "good.warc.gz"),
    ]
    assert all(document.language == "en" and document.statistics is not None for document in documents)
    (text,) = folder.read("interleave", TextRow, "texts")
    assert (text.text, text.offset) == ("Some text for the pool.", 0)
    (embedded,) = folder.read("interleave", EmbeddedImage, "embedded")
    data = storage.read_range(folder.path(embedded.pointer.file), embedded.pointer.offset, embedded.pointer.length)
    assert data.startswith(b"\x89PNG")
    (holder,) = [document for document in documents if document.url.endswith("/2")]
    assert [image.url for _, image in holder.images()] == [f"data:{embedded.image_id}"]


def test_both_engines_write_the_same_bytes(tmp_path: pathlib.Path) -> None:
    make_input(tmp_path)

    lexbor, bs4 = (run(tmp_path, parser).committed("interleave") for parser in ("lexbor", "bs4"))

    assert lexbor.parts == bs4.parts
    assert lexbor.counts == bs4.counts
