"""Looks into files: a run folder's tables, Parquet rows, the samples of a shard, the records of a WARC."""

from __future__ import annotations

import itertools
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.recipe import JOB_NAMES

MAX_JSON_BYTES = 10_000_000
WARC_ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".wet", ".wet.gz", ".wat", ".wat.gz", ".arc", ".arc.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class TarSample:
    """One WebDataset sample of a tar."""

    key: str
    members: tuple[tuple[str, int], ...]
    """Name and bytes, in order."""

    content: Mapping[str, Any] | None
    """The JSON member."""


def tables(run: str) -> Iterator[tuple[str, str, int, int, int]]:
    """Yields ``(job, table, parts, rows, bytes)`` of every committed table of a run folder."""
    folder = RunFolder(run)
    for job in JOB_NAMES:
        summary = folder.summary(job)
        if summary is None:
            continue
        for table, parts in itertools.groupby(sorted(summary.parts, key=lambda p: p.table), key=lambda p: p.table):
            listed = list(parts)
            yield job, table, len(listed), sum(p.rows for p in listed), sum(p.n_bytes for p in listed)


def rows(path: str, count: int, key: str | None = None) -> Iterator[dict[str, Any]]:
    """Yields the first rows of a Parquet file; with ``key``, those in which a text column equals it."""
    with storage.open_read(path) as file:
        found = 0
        for batch in pq.ParquetFile(file).iter_batches(batch_size=256):
            for row in batch.to_pylist():
                if found >= count:
                    return
                if key is None or key in row.values():
                    found += 1
                    yield row


def samples(path: str, count: int, key: str | None = None) -> Iterator[TarSample]:
    """Yields the first samples of a tar; with ``key``, that one."""
    with storage.open_read(path) as file, tarfile.open(fileobj=file, mode="r|*") as tar:
        groups = itertools.groupby(_members(tar), key=lambda member: member[0].partition(".")[0])
        found = 0
        for name, members in groups:
            if found >= count:
                return
            if key is None or name == key:
                found += 1
                yield _sample(name, list(members))


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, bytes | None]]:
    for info in tar:
        if not info.isfile():
            continue
        file = tar.extractfile(info) if info.name.endswith(".json") and info.size <= MAX_JSON_BYTES else None
        yield info.name, info.size, file.read() if file is not None else None


def _sample(key: str, members: list[tuple[str, int, bytes | None]]) -> TarSample:
    data = next((data for _, _, data in members if data is not None), None)
    try:
        content = json.loads(data) if data is not None else None
    except ValueError:
        content = None
    sizes = tuple((name, size) for name, size, _ in members)
    return TarSample(key=key, members=sizes, content=content if isinstance(content, dict) else None)


def records(path: str, count: int, key: str | None = None) -> Iterator[dict[str, Any]]:
    """Yields the first records of a WARC; with ``key``, those of that URL, or the one at that offset."""
    from fastwarc.warc import ArchiveIterator

    with storage.open_read(path) as file:
        found = 0
        for record in ArchiveIterator(file):
            url = record.headers.get("WARC-Target-URI")
            if found >= count:
                return
            if key is not None and key not in {url, str(record.stream_pos)}:
                continue
            found += 1
            http = record.http_headers
            yield {
                "offset": record.stream_pos,
                "type": record.headers.get("WARC-Type"),
                "status": http.status_code if http is not None else None,
                "content_type": record.http_content_type,
                "bytes": record.content_length,
                "date": record.headers.get("WARC-Date"),
                "url": url,
            }
