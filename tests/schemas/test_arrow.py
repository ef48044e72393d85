"""Records survive the way through Arrow, and their columns are the ones that files in the world have."""

import pyarrow as pa
import pytest

from schemas.arrow import arrow_schema, from_table, to_table
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.errors import SchemaError
from schemas.images import FetchedUrl, ImagePair, ImagePointer, StoredImage
from schemas.rejections import Rejection, RejectReason
from schemas.rows import IndexLine
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind
from schemas.scores import ImageEmbedding, ImageScore
from schemas.verdicts import Verdict

POINTER = ImagePointer(file="fetch/bytes/part-00000-of-00001.tar", offset=512, length=9)

RECORDS: list[object] = [
    Rejection(job="fetch", kind="url", item="https://a.example/x.png", reason=RejectReason.TIMEOUT, value=20.0),
    FetchedUrl(url="u", image_id=None, reason="timeout", status=None, final_url=None, n_bytes=0),
    StoredImage(
        image_id="ab",
        pointer=POINTER,
        format="png",
        width=3,
        height=4,
        phash="0123456789abcdef",
        n_frames=1,
        exif_orientation=6,
    ),
    ImagePair(pair_id="p", image_id="ab", caption="A cat.", url=None, archive="a.tar", key="000000001"),
    Verdict(
        kind="place",
        item="d",
        position=3,
        reason=RejectReason.REPEATED_IN_PAGE,
        of="ab",
        value=None,
        threshold=None,
    ),
    ImageScore(source="d", occurrence="a:0", position=1, image_id="ab", alt=0.25, caption=None, near=0.1, best=0.25),
    ImageEmbedding(image_id="ab", embedding=b"\0\1"),
    PoolSample(
        key="k",
        kind=SampleKind.CAPTION,
        segments=(
            PoolImage(
                image_id="ab",
                pointer=POINTER,
                format="png",
                width=3,
                height=4,
                url=None,
                alt="A cat.",
                caption=None,
                score=0.25,
            ),
            PoolText(text="A cat."),
        ),
        source_id="p",
        url=None,
        domain=None,
        archive="a.tar",
        record_offset=7,
    ),
    CaptionRow(key="k", alt="A cat.", vlm=None, fused=None, guard="empty", captioner="coca", fuser="rule"),
    IndexLine(row=5, key="k", kind=SampleKind.TEXT, offset=0, length=1024, n_text=9, n_images=0, n_loss=8, crc32c=1),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was(record: object) -> None:
    table = to_table([record, record], type(record))

    assert list(from_table(table, type(record))) == [record, record]


def test_text_and_images_of_a_document_keep_their_order_and_class() -> None:
    segments = (TextSegment(text="Before."), ImageSegment(url="https://a.example/x.png", alt="A cat."))
    values = dict.fromkeys(("title", "language", "language_score", "crawl_time"))
    numbers = {"record_offset": 0, "record_length": 9}
    names = {"document_id": "d", "url": "u", "domain": "a.example", "archive": "w.warc.gz"}
    document = Document(segments=(*segments, TextSegment(text="After.")), **values, **numbers, **names)  # type: ignore[arg-type]

    (back,) = from_table(to_table([document], Document), Document)

    assert back == document
    assert [position for position, _ in back.images()] == [1]


def test_optional_fields_alone_are_nullable() -> None:
    schema = arrow_schema(StoredImage)

    assert {field.name for field in schema if field.nullable} == {"phash"}
    assert schema.field("pointer").type == pa.struct(
        [
            pa.field("file", pa.string(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("length", pa.int64(), nullable=False),
        ]
    )


def test_a_table_of_another_version_is_refused_by_name() -> None:
    table = to_table(RECORDS[:1], Rejection).drop_columns(["reason"])

    with pytest.raises(SchemaError, match=r"a table of Rejection lacks the columns \['reason'\]"):
        list(from_table(table, Rejection))


def test_an_empty_table_has_the_columns() -> None:
    assert to_table([], Verdict).schema == arrow_schema(Verdict)
