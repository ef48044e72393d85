"""Both HTML engines give the same document, for every page of the corpus."""

import gzip
import json
from collections.abc import Callable, Iterator

import pytest

from pipelines.inputs.warc_pages import read_warc_pages
from pipelines.interleave.document import extract_page
from schemas.pages import Page
from tests.corpus import corpus_path

MANY = 1_000_000


def _page(url: str, body: bytes) -> Page:
    return Page(
        url=url, body=body, content_type=None, crawl_time=None, archive=url, record_offset=0, record_length=len(body)
    )


def _web_pages() -> Iterator[Page]:
    index = corpus_path("web", "pages.jsonl")
    for line in index.read_text().splitlines():
        row = json.loads(line)
        yield _page(row["url"], (index.parent.parent / row["path"]).read_bytes())


def _labelled_pages() -> Iterator[Page]:
    folder = corpus_path("extraction")
    for name, row in sorted(json.loads((folder / "ground-truth.json").read_text()).items()):
        yield _page(row["url"], gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()))


def _archived_pages() -> Iterator[Page]:
    for path in sorted(corpus_path("warc", "real").glob("*.warc*")):
        with path.open("rb") as file:
            for item in read_warc_pages(file, path.stat().st_size, path.name, max_page_bytes=20_000_000):
                if isinstance(item, Page):
                    yield item


@pytest.mark.slow
@pytest.mark.parametrize("pages", [_web_pages, _labelled_pages, _archived_pages])
def test_lexbor_and_beautiful_soup_give_the_same_documents(pages: Callable[[], Iterator[Page]]) -> None:
    count = 0
    for page in pages():
        lexbor = extract_page(page, parser="lexbor", max_images=MANY)

        assert extract_page(page, parser="bs4", max_images=MANY) == lexbor, page.url
        count += 1

    assert count >= 100
