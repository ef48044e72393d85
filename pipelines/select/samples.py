"""Rows of the pools from what is left of a source."""

from collections.abc import Iterable, Iterator

from schemas.digests import keyed_digest
from schemas.documents import Document, ImageSegment
from schemas.images import ImagePair, StoredImage
from schemas.samples import PoolImage, PoolSample, PoolText, SampleKind
from schemas.texts import TextRow

PARAGRAPH_SEPARATOR = "\n\n"


def sample_key(kind: SampleKind, *source: str | int) -> str:
    """Returns the key of a sample: a function of its kind and source, so that it is the same in every run."""
    return keyed_digest("sample", kind.value, *map(str, source))


def pool_image(image: StoredImage, segment: ImageSegment, score: float | None) -> PoolImage:
    """Returns an image of a pool row."""
    return PoolImage(
        image_id=image.image_id,
        pointer=image.pointer,
        format=image.format,
        width=image.width,
        height=image.height,
        url=segment.url or None,
        alt=segment.alt,
        caption=segment.caption,
        score=score,
    )


def document_sample(document: Document, segments: Iterable[PoolText | PoolImage]) -> PoolSample:
    """Returns a document as an interleaved sample, or a text where it has no image; neighbouring texts are joined."""
    joined = tuple(_join_texts(segments))
    has_images = any(isinstance(segment, PoolImage) for segment in joined)
    kind = SampleKind.INTERLEAVED if has_images else SampleKind.TEXT
    return _of_document(document, kind, joined, sample_key(kind, *_source(document)))


def page_caption_sample(document: Document, position: int, image: PoolImage, text: str) -> PoolSample:
    """Returns an image of a page with its caption or alt text as a caption sample."""
    key = sample_key(SampleKind.CAPTION, *_source(document), position)
    return _of_document(document, SampleKind.CAPTION, (image, PoolText(text=text)), key)


def pair_sample(pair: ImagePair, image: PoolImage) -> PoolSample:
    """Returns a pair as a caption sample."""
    return PoolSample(
        key=sample_key(SampleKind.CAPTION, pair.pair_id),
        kind=SampleKind.CAPTION,
        segments=(image, PoolText(text=pair.caption.strip())),
        source_id=pair.pair_id,
        url=pair.url,
        domain=None,
        archive=pair.archive,
        record_offset=0,
    )


def text_sample(row: TextRow, text: str) -> PoolSample:
    """Returns a text given as input as a text sample."""
    return PoolSample(
        key=sample_key(SampleKind.TEXT, row.text_id),
        kind=SampleKind.TEXT,
        segments=(PoolText(text=text),),
        source_id=row.text_id,
        url=row.url,
        domain=None,
        archive=row.archive,
        record_offset=row.offset,
    )


def _source(document: Document) -> tuple[str | int, ...]:
    # The name of the archive without its folder: moving the inputs must not rename the samples.
    return document.document_id, document.archive.rsplit("/", 1)[-1], document.record_offset


def _of_document(
    document: Document, kind: SampleKind, segments: tuple[PoolText | PoolImage, ...], key: str
) -> PoolSample:
    return PoolSample(
        key=key,
        kind=kind,
        segments=segments,
        source_id=document.document_id,
        url=document.url,
        domain=document.domain,
        archive=document.archive,
        record_offset=document.record_offset,
    )


def _join_texts(segments: Iterable[PoolText | PoolImage]) -> Iterator[PoolText | PoolImage]:
    waiting: list[str] = []
    for segment in segments:
        if isinstance(segment, PoolText):
            waiting.append(segment.text)
            continue
        if waiting:
            yield PoolText(text=PARAGRAPH_SEPARATOR.join(waiting))
            waiting = []
        yield segment
    if waiting:
        yield PoolText(text=PARAGRAPH_SEPARATOR.join(waiting))
