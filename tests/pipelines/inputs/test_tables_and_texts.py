"""Parquet and JSONL with pages, and every form of text input."""

import gzip
import io
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.inputs.planning import plan_pages, plan_texts
from pipelines.inputs.table_pages import read_table_pages
from pipelines.inputs.texts import PIECE_CHARACTERS, RawText, read_texts
from schemas.pages import Page
from schemas.rejections import Rejection
from tests.corpus import corpus_path
from tests.hostile.test_warc import record

ROWS: list[dict[str, object]] = [
    {"url": "https://example.org/1", "html": "<p>caf\u00e9", "crawl_time": "2024-05-01T02:00:00+02:00"},
    {"url": "https://example.org/2", "html": None},
    {"url": "https://example.org/3", "html": "  "},
    {"url": "https://example.org/4", "html": "x" * 2_000},
]


def pages(data: bytes, name: str) -> list[Page | Rejection]:
    return list(read_table_pages(io.BytesIO(data), name, max_page_bytes=1_000))


def json_lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (json_lines(ROWS), "a.jsonl"),
        (gzip.compress(json_lines(ROWS), mtime=0), "a.jsonl.gz"),
        (zstandard.compress(json_lines(ROWS)), "a.jsonl.zst"),
        (parquet(ROWS), "a.parquet"),
    ],
)
def test_a_table_gives_a_page_or_a_reason_for_each_row(data: bytes, name: str) -> None:
    first, *others = pages(data, name)

    assert isinstance(first, Page)
    assert first.body.decode() == "<p>caf\u00e9"
    assert (first.content_type, first.crawl_time) == ("text/html; charset=utf-8", "2024-05-01T00:00:00Z")
    assert [(other.item, other.reason.value) for other in others if isinstance(other, Rejection)] == [
        (f"{name}:1", "bad_row"),
        (f"{name}:2", "empty_body"),
        (f"{name}:3", "page_too_large"),
    ]


def test_a_table_without_its_columns_is_refused_by_name() -> None:
    (rejection,) = pages(parquet([{"link": "a", "body": "b"}]), "a.parquet")

    assert isinstance(rejection, Rejection)
    assert rejection.reason.value == "damaged"
    assert "['url', 'html']" in rejection.detail


def test_a_cut_table_gives_what_was_before_the_cut() -> None:
    whole = gzip.compress(json_lines([{"url": f"https://example.org/{n}", "html": f"<p>{n}"} for n in range(5_000)]))

    found = pages(whole[: len(whole) // 2], "a.jsonl.gz")

    assert sum(isinstance(item, Page) for item in found) > 1_000
    assert [item.reason.value for item in found if isinstance(item, Rejection)] == ["damaged"]


def texts(path: pathlib.Path) -> list[RawText | Rejection]:
    (item,) = plan_texts([str(path)])
    with path.open("rb") as file:
        return list(read_texts(item, file))


def test_a_wet_archive_gives_its_conversion_records(tmp_path: pathlib.Path) -> None:
    wet = record(0, kind="conversion", block=b"Plain words.\n", Content_Type="text/plain")
    path = tmp_path / "a.warc.wet.gz"
    path.write_bytes(gzip.compress(record(1, kind="warcinfo")) + gzip.compress(wet))

    info, text = texts(path)

    assert isinstance(info, Rejection)
    assert isinstance(text, RawText)
    assert (text.text, text.url) == ("Plain words.\n", "https://example.org/0")


@pytest.mark.parametrize("name", ["a.warc.wat.gz", "a.wat.gz", "a.wat"])
def test_a_wat_archive_holds_no_text_and_says_so_of_every_record(name: str, tmp_path: pathlib.Path) -> None:
    metadata = b'{"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {}}}}'
    records = [record(n, kind="metadata", block=metadata, Content_Type="application/json") for n in range(3)]
    path = tmp_path / name
    path.write_bytes(b"".join(gzip.compress(one, mtime=0) if name.endswith(".gz") else one for one in records))

    items = plan_texts([str(path)], range_bytes=200)
    found = [text for item in items for text in read_texts(item, io.BytesIO(path.read_bytes()))]

    assert len(items) > 1
    assert plan_pages([str(tmp_path)])[0].paths == (str(path),)
    assert [(text.reason, text.detail) for text in found if isinstance(text, Rejection)] == [
        ("not_a_response", "a metadata record of application/json")
    ] * 3
    assert len(found) == 3


def test_a_plain_text_is_cut_at_empty_lines_and_nothing_is_lost(tmp_path: pathlib.Path) -> None:
    paragraphs = [f"Paragraph {n}, of some words.\nAnd a second line." for n in range(1_000)]
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(paragraphs))

    found = [item for item in texts(path) if isinstance(item, RawText)]

    assert "\n\n".join(item.text for item in found) == "\n\n".join(paragraphs)
    assert all(len(item.text) <= PIECE_CHARACTERS + 100 for item in found)
    assert [path.read_text()[item.offset :][:12] for item in found] == [item.text[:12] for item in found]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_a_plain_text_is_read_in_its_encoding(encoding: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.txt"
    # The first kilobytes are ASCII, so a look at them alone would not tell.
    path.write_bytes(
        ("Plain words come first.\n" * 5_000 + "Caf\u00e9 cr\u00e8me, \u00e0 la carte.\n").encode(encoding)
    )

    assert "Caf\u00e9 cr\u00e8me, \u00e0 la carte." in "".join(
        item.text for item in texts(path) if isinstance(item, RawText)
    )


def test_real_texts_are_read_whole() -> None:
    path = corpus_path("text", "pg9198-8.latin1.txt")

    words = " ".join(item.text for item in texts(path) if isinstance(item, RawText)).split()

    assert words == path.read_bytes().decode("cp1252").split()
