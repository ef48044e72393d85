"""A Parquet twin of the shards with the images in it, as Hugging Face's ``datasets`` and its viewer read it.

The columns are OBELICS': ``images`` and ``texts`` in parallel, one of them null at each place; here an image is a
struct of bytes and path, and the schema's metadata tells ``datasets`` to decode it.
"""

import json
from typing import Any

import pyarrow as pa

from pipelines.exchange.stored import StoredSample, read_stored
from pipelines.exchange.tables import write_parts

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_VALUES = {"string": pa.string(), "int64": pa.int64()}
_COLUMNS = {"key": "string", "row": "int64", "kind": "string", "url": "string", "alt": "string", "fused": "string"}


def schema() -> pa.Schema:
    """Returns the Arrow schema, with the features in its metadata."""
    features: dict[str, Any] = {name: {"dtype": kind, "_type": "Value"} for name, kind in _COLUMNS.items()}
    features["texts"] = {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    features["images"] = {"feature": {"_type": "Image"}, "_type": "List"}
    fields = [(name, _VALUES[kind]) for name, kind in _COLUMNS.items()]
    fields += [("texts", pa.list_(pa.string())), ("images", pa.list_(_IMAGE))]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def export_hf(path: str, destination: str) -> list[str]:
    """Writes all samples of shards, of every kind, in the order of the rows; returns the parts."""
    return write_parts((_row(stored) for stored in read_stored(path)), schema(), destination)


def _row(stored: StoredSample) -> dict[str, Any]:
    sample = stored.sample
    contents = iter(zip(stored.images, sample.member_names(), strict=True))
    images: list[dict[str, Any] | None] = []
    for image in sample.images:
        if image is None:
            images.append(None)
        else:
            content, member = next(contents)
            images.append({"bytes": content, "path": member})
    return {
        "key": sample.key,
        "row": stored.line.row,
        "kind": sample.kind.value,
        "url": sample.source["url"],
        "alt": sample.captions.get("alt"),
        "fused": sample.captions.get("fused"),
        "texts": list(sample.texts),
        "images": images,
    }
