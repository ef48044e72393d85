"""Checks the manifest by itself, and the order of the kinds against its weights."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from pipelines.verify.findings import Finding
from schemas.errors import SchemaError
from schemas.json_form import from_json
from schemas.manifest import MANIFEST_VERSION, Manifest

MANIFEST_NAME = "manifest.json"
MAX_BYTES = 1 << 28
KINDS = ("interleaved", "caption", "text")


def read_manifest(data: bytes) -> Manifest:
    """Returns the manifest of a file's content.

    Raises:
        ValueError: It is no manifest of a version that is known.
    """
    try:
        manifest = from_json(data, Manifest)
    except (SchemaError, RecursionError, TypeError) as error:
        raise ValueError(f"no manifest: {error}") from error
    if manifest.version != MANIFEST_VERSION:
        raise ValueError(f"version {manifest.version}, this build reads {MANIFEST_VERSION}")
    return manifest


def check_manifest(manifest: Manifest, data: bytes) -> Iterator[Finding]:
    """Yields what is wrong with a manifest without looking at any other file."""

    def found(check: str, detail: str) -> Finding:
        return Finding(check=check, file=MANIFEST_NAME, detail=detail)

    if _content_digest(data) != manifest.digest:
        yield found("digest", "the content does not fit its digest: it was changed after it was written")
    names = [name for s in manifest.shards for name in (s.name, s.index_name)] + [manifest.tokenizer]
    for name in names:
        if "/" in name or "\\" in name or name.startswith(".") or not name:
            yield found("names", f"names {name!r}, which is not a plain file name in the folder")
    if len(set(names)) != len(names):
        yield found("names", "names a file twice")
    row = 0
    for shard in manifest.shards:
        if shard.first_row != row:
            yield found("order", f"{shard.name} begins with row {shard.first_row}, expected {row}")
        row += sum(shard.rows.values())
        if shard is not manifest.shards[-1] and sum(shard.rows.values()) != manifest.rows_per_shard:
            yield found("order", f"{shard.name} has {sum(shard.rows.values())} rows of {manifest.rows_per_shard}")
    for name in ("rows", "samples", "text_tokens", "images"):
        for kind in KINDS:
            total = sum(getattr(shard, name).get(kind, 0) for shard in manifest.shards)
            stated = getattr(manifest, name).get(kind, 0)
            if total != stated:
                yield found("counts", f"{name} of kind {kind}: the shards add up to {total}, it says {stated}")
    for kind in KINDS:
        share = manifest.rows.get(kind, 0) / row if row else 0.0
        if abs(share - manifest.shares.get(kind, 0.0)) > 1e-9:
            yield found("shares", f"{kind} has {share:.6f} of the rows, it says {manifest.shares.get(kind)}")


class ProportionCheck:
    """Follows the kinds of the rows: after every row each kind must be within one row of its weight."""

    def __init__(self, manifest: Manifest) -> None:
        present = {kind: _weight(manifest.weights, kind) for kind in KINDS if manifest.pool_rows.get(kind, 0)}
        total = sum(present.values())
        self._weights = {kind: w / total for kind, w in present.items()} if total else {}
        self._counts = dict.fromkeys(KINDS, 0)
        self._rows = 0

    def add(self, kind: str) -> str | None:
        """Takes the kind of the next row; returns what is wrong with the shares then, None where they hold."""
        self._rows += 1
        self._counts[kind] = self._counts.get(kind, 0) + 1
        for name in KINDS:
            wanted = self._rows * self._weights.get(name, Fraction(0))
            if abs(self._counts[name] - wanted) >= 1:
                return (
                    f"after {self._rows} rows {self._counts[name]} are {name}, its weight asks for {float(wanted):.2f}"
                )
        return None


def _weight(weights: Mapping[str, float], kind: str) -> Fraction:
    return Fraction(repr(float(weights.get(kind, 0))))


def _content_digest(data: bytes) -> str:
    """Digests the content as compact JSON with its keys as they stand, the digest itself empty."""
    content: dict[str, Any] = json.loads(data)
    content["digest"] = ""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
