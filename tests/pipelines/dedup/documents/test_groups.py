"""Groups of documents stay small, whatever the input repeats."""

import pathlib

import pyarrow.parquet as pq
import pytest

from pipelines.dedup.documents import groups
from pipelines.dedup.documents.keep import DocumentKey
from schemas.arrow import to_table
from schemas.rejections import RejectReason
from schemas.verdicts import DocumentFeatures

ROWS = 300


def features(number: int) -> DocumentFeatures:
    """A third of all documents are captures of one page."""
    return DocumentFeatures(
        occurrence=f"{number:05d}",
        document_id="hot" if number % 3 == 0 else f"page-{number}",
        domain="lab.example",
        n_images=number % 2,
        crawl_time=f"2024-01-01T00:00:{number % 60:02d}Z",
        image_set="logo" if number % 2 else None,
        signature=bytes(512),
        paragraphs=(),
    )


@pytest.fixture
def part(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "part.parquet"
    pq.write_table(to_table([features(number) for number in range(ROWS)], DocumentFeatures), path)
    return str(path)


def read(part: str) -> tuple[list[DocumentKey], int]:
    """Returns the documents that a part sends on, and how many of it are left out at once."""
    found = list(groups.read_keys((7, part), "document_id", RejectReason.DUPLICATE_URL, 1))
    kept = [key for stream, (_, keys) in found if stream == groups.KEPT for key in keys]
    return kept, sum(len(fates) for stream, (_, fates) in found if stream == groups.FATES)


def test_a_part_sends_one_capture_of_a_page(part: str) -> None:
    kept, n_left_out = read(part)

    assert [key.occurrence for key in kept if key.document_id == "hot"] == ["00057"]  # the latest; of two, the first
    assert (len(kept), n_left_out) == (201, 99)


def test_only_the_best_of_an_image_set_brings_its_signature(part: str) -> None:
    kept, _ = read(part)
    found = groups.keep_best_group((0, [kept]), "document_id", RejectReason.DUPLICATE_URL, "image_set", 1)
    sent = [key for stream, (_, keys) in found if stream == groups.KEPT for key in keys if key.image_set == "logo"]

    assert len(sent) == 101
    assert [key.occurrence for key in sent if key.signature is not None] == ["00059"]
