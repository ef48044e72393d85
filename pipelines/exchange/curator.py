"""NeMo Curator's interleaved layout: a Parquet row for each element, images by reference into our tars."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pipelines.exchange.stored import StoredSample, open_manifest, read_stored
from pipelines.exchange.tables import write_parts
from pipelines.runs import storage

SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("content_type", pa.string()),
        pa.field("text_content", pa.string()),
        pa.field("binary_content", pa.large_binary()),
        pa.field("source_ref", pa.string()),
        pa.field("materialize_error", pa.string()),
        pa.field("url", pa.string()),
        pa.field("kind", pa.string()),
    ]
)
_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "avif": "image/avif"}


def export_curator(path: str, destination: str) -> list[str]:
    """Writes all samples of shards as rows of elements; images stay in the tars, named by offset and size."""
    folder, _ = open_manifest(path)
    rows = (row for stored in read_stored(path) for row in _rows(folder, stored))
    return write_parts(rows, SCHEMA, destination)


def _rows(folder: str, stored: StoredSample) -> Iterator[dict[str, Any]]:
    sample = stored.sample
    common = {"sample_id": sample.key, "url": sample.source["url"], "kind": sample.kind.value}
    yield {
        **common,
        "position": -1,
        "modality": "metadata",
        "content_type": "application/json",
        "text_content": json.dumps({"captions": dict(sample.captions), "source": dict(sample.source)}),
    }
    details = iter(zip(sample.member_names(), stored.images, stored.image_offsets, strict=True))
    for position, text in enumerate(sample.texts):
        if text is not None:
            yield {
                **common,
                "position": position,
                "modality": "text",
                "content_type": "text/plain",
                "text_content": text,
            }
            continue
        member, content, offset = next(details)
        reference = {
            "path": storage.join(folder, stored.shard),
            "member": member,
            "byte_offset": offset,
            "byte_size": len(content),
            "frame_index": None,
        }
        yield {
            **common,
            "position": position,
            "modality": "image",
            "content_type": _MEDIA_TYPES[member.rsplit(".", 1)[-1]],
            "source_ref": json.dumps(reference),
        }
