"""Croissant 1.1 metadata (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html) of a folder of shards."""

import json
from typing import Any

from schemas.manifest import Manifest

_TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
}

_PARQUET = "application/x-parquet"
"""The name that readers of Croissant know Parquet by; they do not know the one that IANA registered later."""

_FIELDS = (
    ("row", "sc:Integer", "Number of the training row."),
    ("key", "sc:Text", "Key of the sample: the name of its members in the tar, up to the first dot."),
    ("kind", "sc:Text", "interleaved, caption or text."),
    ("offset", "sc:Integer", "Byte offset of the sample in its tar."),
    ("length", "sc:Integer", "Bytes of the sample in its tar."),
    ("n_text", "sc:Integer", "Text tokens."),
    ("n_images", "sc:Integer", "Images."),
    ("n_loss", "sc:Integer", "Positions that count in the loss."),
    ("crc32c", "sc:Integer", "CRC-32C of these bytes."),
    ("forgotten", "sc:Boolean", "Whether the sample was taken out."),
)


def make_croissant(manifest: Manifest) -> str:
    """Returns ``croissant.json``: every file with its digest, and the index as a record set."""
    files: list[dict[str, Any]] = []
    for shard in manifest.shards:
        files.append(_file(shard.name, "application/x-tar", shard.n_bytes, shard.sha256))
        files.append(_file(shard.index_name, _PARQUET, shard.index_bytes, shard.index_sha256))
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "mixed-image-text-shards",
        "description": (
            f"{sum(manifest.samples.values())} samples in {manifest.n_rows()} training rows: interleaved documents,"
            " image-caption pairs and texts, in a fixed order."
        ),
        "version": f"1.0.0+{manifest.digest[:12]}",
        "distribution": [*files, _file_set()],
        "recordSet": [_record_set()],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(name: str, media_type: str, n_bytes: int, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{n_bytes} B",
        "encodingFormat": media_type,
        "sha256": sha256,
    }


def _file_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "indexes",
        "name": "indexes",
        "encodingFormat": _PARQUET,
        "includes": "mix-*.index.parquet",
    }


def _record_set() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "A line a sample, in the order of the rows.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"samples/{name}",
                "name": name,
                "description": description,
                "dataType": data_type,
                "source": {"fileSet": {"@id": "indexes"}, "extract": {"column": name}},
            }
            for name, data_type, description in _FIELDS
        ],
    }
