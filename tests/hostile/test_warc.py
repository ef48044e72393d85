"""Damaged and hostile WARC files: what is damaged costs itself alone, in bounded memory."""

import gzip
import io
import pathlib
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import brotli
import pytest
import zstandard

from pipelines.inputs.planning import plan_pages
from pipelines.inputs.reading import archive_problem, read_pages
from pipelines.inputs.warc_pages import read_warc_pages
from pipelines.inputs.warc_records import DamagedSpan, is_warc, read_warc
from pipelines.interleave.document import extract_page
from pipelines.runs import storage
from schemas.pages import Page
from schemas.rejections import Rejection
from tests.corpus import corpus_path


def record(number: int, *, kind: str = "response", block: bytes | None = None, **fields: str) -> bytes:
    """Returns a WARC record; ``fields`` replace or add named fields, with ``_`` for ``-``."""
    if block is None:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>page %d" % number
    named = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012d}>",
        "WARC-Date": "2024-05-01T00:00:00Z",
        "WARC-Target-URI": f"https://example.org/{number}",
        "Content-Type": "application/http;msgtype=response",
        "Content-Length": str(len(block)),
    }
    named.update({name.replace("_", "-"): value for name, value in fields.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def members(count: int = 5) -> list[bytes]:
    return [gzip.compress(record(number), mtime=0) for number in range(count)]


def read(data: bytes) -> list[Page | Rejection]:
    file = io.BytesIO(data)
    return list(read_warc_pages(file, len(data), "a.warc.gz", max_page_bytes=20_000_000))


def summary(data: bytes) -> tuple[list[str], list[str]]:
    """Returns the paths of the pages read, and the reasons of what was not."""
    items = read(data)
    pages = [item.url.rpartition("/")[2] for item in items if isinstance(item, Page)]
    return pages, [item.reason.value for item in items if isinstance(item, Rejection)]


OTHERS = ["0", "2", "3", "4"]


def test_a_member_that_is_cut_costs_itself_alone() -> None:
    parts = members()
    parts[1] = parts[1][: len(parts[1]) // 2]

    assert summary(b"".join(parts)) == (OTHERS, ["damaged"])


def test_a_damaged_span_is_named_by_its_offsets() -> None:
    parts = members()
    start, length = len(parts[0]), len(parts[1])
    parts[1] = parts[1][:40] + b"\xff" * 20 + parts[1][60:]
    data = b"".join(parts)

    spans = [item for item in read_warc(io.BytesIO(data), len(data)) if isinstance(item, DamagedSpan)]

    assert [(span.offset, span.length) for span in spans] == [(start, length)]


@pytest.mark.parametrize("bit", range(0, 8))
def test_one_flipped_bit_costs_its_member_alone(bit: int) -> None:
    parts = members()
    middle = len(parts[1]) // 2
    parts[1] = parts[1][:middle] + bytes([parts[1][middle] ^ (1 << bit)]) + parts[1][middle + 1 :]

    assert summary(b"".join(parts)) == (OTHERS, ["damaged"])


def test_garbage_between_members_is_one_damaged_span() -> None:
    parts = members()

    assert summary(b"".join([*parts[:2], b"\0" * 700, *parts[2:]])) == (["0", "1", "2", "3", "4"], ["damaged"])


@pytest.mark.parametrize("length", ["1000000000000000", "-5", "abc", "10", "", "9" * 400])
@pytest.mark.parametrize("compress", [lambda data: gzip.compress(data, mtime=0), zstandard.compress, bytes])
def test_a_false_content_length_costs_its_record_alone(length: str, compress: Callable[[bytes], bytes]) -> None:
    records = [record(number) for number in range(5)]
    records[1] = record(1, Content_Length=length)

    assert summary(b"".join(map(compress, records))) == (OTHERS, ["damaged"])


@pytest.mark.parametrize(
    "compress", [lambda data: gzip.compress(data, mtime=0), zstandard.compress, bytes], ids=["gzip", "zstd", "plain"]
)
def test_a_file_in_one_piece_gives_every_record_with_its_own_offset(compress: Callable[[bytes], bytes]) -> None:
    data = compress(b"".join(record(number) for number in range(5)))

    items = read(data)

    assert summary(data) == (["0", "1", "2", "3", "4"], [])
    assert len({item.record_offset for item in items if isinstance(item, Page)}) == 5


def test_zstandard_frames_with_a_shared_dictionary_are_read() -> None:
    records: list[bytes | bytearray | memoryview[int]] = [record(number) for number in range(50)]
    dictionary = zstandard.train_dictionary(2_000, [*records * 20])
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    head = b"\x5d\x2a\x4d\x18" + len(dictionary.as_bytes()).to_bytes(4, "little") + dictionary.as_bytes()

    pages, reasons = summary(head + b"".join(compressor.compress(one) for one in records))

    assert (len(pages), reasons) == (50, [])


@pytest.mark.parametrize(
    "header",
    [b"X: y\r\n" * 1_000_000, b"X: " + b"y" * 50_000_000 + b"\r\n"],
    ids=["million_lines", "line_of_50_MB"],
)
def test_an_endless_header_is_refused_in_little_memory(header: bytes) -> None:
    whole = record(1)
    hostile = gzip.compress(whole[:10] + header + whole[10:], mtime=0)
    data = b"".join([*members()[:1], hostile, *members()[2:]])
    del header, whole, hostile

    tracemalloc.start()
    result = summary(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert result == (OTHERS, ["damaged"])
    assert peak < 32 << 20


def test_empty_members_are_passed_over() -> None:
    data = gzip.compress(b"", mtime=0) * 100_000 + members()[0]

    assert summary(data) == (["0"], [])


def test_an_html_file_is_no_warc() -> None:
    for data in (b"<html><p>hello</p></html>", gzip.compress(b"<html><p>hello</p></html>"), b"\0" * 100, b"WARC"):
        assert not is_warc(io.BytesIO(data), len(data))


def test_what_is_appended_while_reading_is_not_read() -> None:
    parts = members()
    size = sum(map(len, parts[:3]))
    data = b"".join(parts)

    items = list(read_warc_pages(io.BytesIO(data), size, "a", max_page_bytes=1_000_000))

    assert len(items) == 3


def test_records_of_one_id_are_both_kept() -> None:
    data = b"".join(gzip.compress(record(n, WARC_Record_ID="<urn:uuid:1>"), mtime=0) for n in range(2))

    assert summary(data) == (["0", "1"], [])


def test_a_date_that_is_none_leaves_the_page_without_one() -> None:
    (page,) = read(record(0, WARC_Date="yesterday"))

    assert isinstance(page, Page)
    assert page.crawl_time is None


@pytest.mark.parametrize("url", ["javascript:x", "ftp://example.org/", "dns:example.org", "", "http://"])
def test_a_page_whose_url_is_none_of_the_web_is_refused(url: str) -> None:
    (page,) = read(record(0, WARC_Target_URI=url))
    assert isinstance(page, Page)

    outcome = extract_page(page).outcome

    assert isinstance(outcome, Rejection)
    assert outcome.reason.value == "bad_url"


def test_files_that_vanish_after_they_were_listed_are_missing(tmp_path: pathlib.Path) -> None:
    for name in ("a.warc.gz", "b.html"):
        (tmp_path / name).write_bytes(members()[0])
    archive, folder = plan_pages([str(tmp_path / "a.warc.gz")]) + plan_pages([str(tmp_path)])
    for path in tmp_path.iterdir():
        path.unlink()

    problem = archive_problem(archive, storage.open_read)
    (rejection,) = read_pages(folder, storage.open_read, max_page_bytes=1_000)

    assert problem is not None
    assert isinstance(rejection, Rejection)
    assert (problem.reason.value, rejection.reason.value) == ("input_missing", "input_missing")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (record(0, WARC_Truncated="length"), "truncated"),
        (record(0, kind="revisit"), "revisit"),
        (record(0, block=b"<p>no HTTP header"), "damaged"),
        (record(0, block=b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<p>x"), "status_not_ok"),
        (record(0, block=b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n%PDF"), "not_html"),
        (record(0, block=b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n"), "not_html"),
        (record(0, block=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"), "empty_body"),
        (record(0, block=b"HTTP/1.1 200 OK\r\nContent-Encoding: exotic\r\n\r\n<p>x"), "unsupported_encoding"),
        (record(0, kind="request"), "not_a_response"),
        (record(0, kind="warcinfo"), "not_a_response"),
        (record(0).replace(b"WARC/1.0", b"WARC/9.9"), "damaged"),
        (record(0)[:-40], "truncated"),
        (gzip.compress(record(0), mtime=0)[:-40], "truncated"),
    ],
)
def test_a_record_without_a_page_is_counted_by_its_reason(data: bytes, reason: str) -> None:
    assert summary(data) == ([], [reason])


def test_a_page_without_content_type_is_known_by_its_first_bytes() -> None:
    assert summary(record(0, block=b"HTTP/1.1 200 OK\r\n\r\n  <!doctype html><p>x")) == (["0"], [])


def test_line_feeds_alone_are_read() -> None:
    data = b"".join(record(number).replace(b"\r\n", b"\n") for number in range(2))

    # The blocks became shorter too, so the stated lengths are mended.
    data = data.replace(b"Content-Length: 53", b"Content-Length: 50")

    assert summary(data) == (["0", "1"], [])


def _response(headers: bytes, body: bytes) -> bytes:
    return record(0, block=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + headers + b"\r\n\r\n" + body)


HTML = b"<p>the same page</p>"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Transfer-Encoding: chunked", b"5\r\n<p>th\r\nf\r\ne same page</p>\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked", b"5;x=y\n<p>th\nf\ne same page</p>\n0\n\n"),
        (b"Transfer-Encoding: chunked", HTML),
        (b"Content-Encoding: gzip", gzip.compress(HTML, mtime=0)),
        (b"Content-Encoding: gzip", HTML),
        (b"Content-Encoding: zstd", zstandard.compress(HTML)),
        (b"Content-Encoding: deflate", zlib.compress(HTML)),
        (b"Content-Encoding: deflate", zlib.compress(HTML, wbits=-15)),
        (b"Content-Encoding: br", brotli.compress(HTML)),
        (b"Content-Encoding: identity", HTML),
    ],
)
def test_transfer_and_content_codings_are_taken_off(headers: bytes, body: bytes) -> None:
    (page,) = read(_response(headers, body))

    assert isinstance(page, Page), page
    assert page.body == HTML


def test_wrong_chunk_sizes_are_followed_as_far_as_they_go() -> None:
    (page,) = read(_response(b"Transfer-Encoding: chunked", b"5\r\n<p>th\r\nzz\r\ne rest</p>"))

    assert isinstance(page, Page)
    assert page.body == b"<p>thzz\r\ne rest</p>"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_bomb_in_a_content_coding_is_refused(coding: str) -> None:
    compress = {"gzip": gzip.compress, "br": lambda data: brotli.compress(data, quality=1), "zstd": zstandard.compress}
    (rejection,) = read(_response(b"Content-Encoding: " + coding.encode(), compress[coding](b"\0" * 100_000_000)))

    assert isinstance(rejection, Rejection)
    assert rejection.reason.value == "decompression_limit"


def _split(data: bytes, count: int) -> Iterator[tuple[int, int]]:
    bounds = [len(data) * i // count for i in range(count + 1)]
    yield from pairwise(bounds)


@pytest.mark.parametrize("compress", [lambda data: gzip.compress(data, mtime=0), zstandard.compress, bytes])
@pytest.mark.parametrize("count", [2, 3, 10, 200])
def test_ranges_of_a_file_give_every_record_and_every_damage_once(
    compress: Callable[[bytes], bytes], count: int
) -> None:
    parts = [compress(record(number)) for number in range(40)]
    parts[3] = parts[3][:50]
    parts.insert(20, b"\0" * 300)
    parts.append(b"\0" * 50)
    data = b"".join(parts)
    whole = list(read_warc(io.BytesIO(data), len(data)))

    ranges = [list(read_warc(io.BytesIO(data), len(data), start, end)) for start, end in _split(data, count)]

    assert [item for part in ranges for item in part] == whole
    assert sum(isinstance(item, DamagedSpan) for item in whole) == 3


@pytest.mark.slow
def test_mutations_of_real_archives_leave_untouched_members_whole() -> None:
    folder = corpus_path("warc", "real")
    generator = random.Random(20240314)
    for path in sorted(folder.glob("*.warc.gz")):
        data = path.read_bytes()
        whole = [item for item in read_warc(io.BytesIO(data), len(data)) if not isinstance(item, DamagedSpan)]
        for _ in range(40 if len(data) < 1_000_000 else 4):
            mutated, start, end = _mutate(data, generator)
            shift = len(mutated) - len(data)
            untouched = {
                (item.offset if item.offset < start else item.offset + shift, item.block)
                for item in whole
                if item.length and (item.offset + item.length <= start or item.offset >= end)
            }
            found = {
                (item.offset, item.block)
                for item in read_warc(io.BytesIO(mutated), len(mutated))
                if not isinstance(item, DamagedSpan)
            }

            assert untouched <= found, (path.name, start, end)


def _mutate(data: bytes, generator: random.Random) -> tuple[bytes, int, int]:
    """Returns the data with one stretch changed, and where the stretch lies in the original."""
    start = generator.randrange(len(data))
    end = min(len(data), start + generator.choice((1, 10, 1000)))
    new = generator.choice((b"", generator.randbytes(end - start), data[start:end] * 2))
    return data[:start] + new + data[end:], start, end
