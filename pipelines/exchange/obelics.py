"""OBELICS (arXiv 2306.16527): Parquet of four columns, ``images`` and ``texts`` in parallel, images as URLs."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from pipelines.exchange.documents import ImportedDocument, import_documents
from pipelines.exchange.stored import ExchangeError, StoredSample, read_stored
from pipelines.exchange.tables import write_parts
from pipelines.inputs.tables import TableError, read_parquet_rows
from pipelines.runs import storage
from schemas.documents import ImageSegment, Segment, TextSegment
from schemas.samples import SampleKind
from schemas.summary import UnitCounts

END_OF_DOCUMENT = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
"""OBELICS puts this where a page goes on elsewhere; it is no text."""

SCHEMA = pa.schema(
    [
        ("images", pa.list_(pa.string())),
        ("metadata", pa.string()),
        ("general_metadata", pa.string()),
        ("texts", pa.list_(pa.string())),
    ]
)


def export_obelics(path: str, destination: str) -> list[str]:
    """Writes the interleaved samples of shards in the columns of OBELICS; returns the parts.

    A document that was cut into pieces is a row for each piece; ``general_metadata`` says which.
    """
    rows = (_row(stored) for stored in read_stored(path) if stored.sample.kind is SampleKind.INTERLEAVED)
    return write_parts(rows, SCHEMA, destination)


def _row(stored: StoredSample) -> dict[str, Any]:
    sample, source = stored.sample, stored.sample.source
    urls = iter(zip(sample.image_urls, sample.image_ids, sample.scores, sample.member_names(), strict=True))
    images: list[str | None] = []
    metadata: list[dict[str, Any] | None] = []
    for text in sample.texts:
        if text is not None:
            images.append(None)
            metadata.append(None)
            continue
        url, image_id, score, member = next(urls)
        images.append(url or f"sha256:{image_id}")
        metadata.append(
            {"document_url": source["url"], "src": url, "sha256": image_id, "clip_score": score, "member": member}
        )
    general = {
        "url": source["url"],
        "warc_filename": source["archive"],
        "warc_record_offset": source["offset"],
        "key": sample.key,
        "piece": source["piece"],
        "pieces": source["pieces"],
        "part": source["part"],
        "parts": source["parts"],
    }
    return {
        "images": images,
        "metadata": json.dumps(metadata, ensure_ascii=False),
        "general_metadata": json.dumps(general, ensure_ascii=False),
        "texts": list(sample.texts),
    }


def import_obelics(patterns: Sequence[str], run: str) -> UnitCounts:
    """Reads OBELICS files as documents of a run, whose images ``fetch`` then gets; returns the counts of their rows.

    Args:
        patterns: Parquet files, folders or patterns.
        run: A run folder without documents.

    Raises:
        ExchangeError: A file is missing or is not laid out like OBELICS, or the run folder has documents already.
    """
    return import_documents(patterns, run, read_obelics)


def read_obelics(path: str) -> Iterator[ImportedDocument | str]:
    """Yields the documents of one file; for a row that is none, what is wrong with it."""
    with storage.open_read(path) as file:
        try:
            for row in read_parquet_rows(file, ("images", "texts", "metadata", "general_metadata"), ()):
                yield _document(row)
        except TableError as error:
            raise ExchangeError(f"{path}: {error}") from error


def _document(row: dict[str, Any]) -> ImportedDocument | str:
    texts, images = row["texts"] or [], row["images"] or []
    try:
        metadata = json.loads(row["metadata"] or "[]")
        general = json.loads(row["general_metadata"] or "{}")
    except ValueError as error:
        return f"metadata is no JSON: {error}"
    if len(texts) != len(images) or any((t is None) == (i is None) for t, i in zip(texts, images, strict=True)):
        return f"texts and images are not parallel: {len(texts)} and {len(images)} places"
    notes = metadata if len(metadata) == len(images) else [None] * len(images)
    segments: list[Segment] = []
    for text, image, note in zip(texts, images, notes, strict=True):
        if image is not None:
            segments.append(ImageSegment(url=image, alt=(note or {}).get("alt_text")))
        elif clean := text.replace(END_OF_DOCUMENT, "").strip():
            segments.append(TextSegment(text=clean))
    if not isinstance(general.get("url"), str):
        return "general_metadata has no url"
    return ImportedDocument(url=general["url"], segments=tuple(segments))
