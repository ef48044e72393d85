"""The samples of training rows, with the pages that they came from."""

from __future__ import annotations

import io
import json
import tarfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.report.statistics import read_manifest, shards_folder
from pipelines.runs import storage
from pipelines.runs.folder import read_part
from schemas.rows import IndexLine


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSample:
    """One sample of a training row."""

    row: int
    key: str
    kind: str
    url: str | None
    """Of its page; None where it had none, or was forgotten."""

    source_id: str | None
    scores: tuple[float | None, ...]
    """The best score of each image, in order; None where scoring was off."""

    n_text: int
    n_images: int
    n_loss: int
    forgotten: bool
    shard: str
    offset: int


def samples_of_rows(path: str, rows: Iterable[int]) -> list[RowSample]:
    """Returns the samples of training rows, in the order of ``rows``; rows that there are not have none.

    Args:
        path: A run folder, or a folder of shards.
        rows: Their numbers.
    """
    folder, manifest = shards_folder(path), read_manifest(path)
    if folder is None or manifest is None:
        return []
    starts = [shard.first_row for shard in manifest.shards]
    wanted = [row for row in rows if 0 <= row < manifest.n_rows()]
    by_row: dict[int, list[RowSample]] = {row: [] for row in wanted}
    for number in sorted({bisect_right(starts, row) - 1 for row in wanted}):
        shard = manifest.shards[number]
        index = read_part(storage.join(folder, shard.index_name), IndexLine)
        lines = [line for line in index if line.row in by_row]
        for sample in _samples(storage.join(folder, shard.name), shard.name, lines):
            by_row[sample.row].append(sample)
    return [sample for row in wanted for sample in by_row[row]]


def _samples(path: str, shard: str, lines: Iterable[IndexLine]) -> Iterator[RowSample]:
    for line in lines:
        meta = {} if line.forgotten else stored_meta(path, line)
        source = meta.get("source") or {}
        yield RowSample(
            row=line.row,
            key=line.key,
            kind=line.kind.value,
            url=source.get("url"),
            source_id=source.get("id"),
            scores=tuple(meta.get("scores") or ()),
            n_text=line.n_text,
            n_images=line.n_images,
            n_loss=line.n_loss,
            forgotten=line.forgotten,
            shard=shard,
            offset=line.offset,
        )


def stored_meta(path: str, line: IndexLine) -> Mapping[str, Any]:
    """Returns the JSON of a sample of the tar ``path``, empty where it has none: one ranged read."""
    with tarfile.open(fileobj=io.BytesIO(storage.read_range(path, line.offset, line.length))) as tar:
        member = next((member for member in tar if member.name == f"{line.key}.json"), None)
        file = tar.extractfile(member) if member is not None else None
        content: Mapping[str, Any] = json.load(file) if file is not None else {}
    return content
