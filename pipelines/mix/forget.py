"""``mm1 forget``: takes samples out of shards without moving any other row.

A forgotten sample keeps its key, its place and its numbers in the index, so its positions stay in their row, masked;
its texts and images go, and its JSON member says only that it was forgotten. Only shards that hold such samples are
rewritten, under a new name, and the manifest that names them is replaced last: whoever is killed on the way leaves the
old set whole, and the same command again ends in the same bytes.

In a run folder the request is kept in ``forgotten.json``, and ``mix`` leaves out what it fits whenever it runs again.
"""

import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.mix import energon
from pipelines.mix.card import with_forgotten
from pipelines.mix.croissant import make_croissant
from pipelines.mix.manifest import CARD_NAME, CROISSANT_NAME, MANIFEST_NAME
from pipelines.mix.shards import index_name, tar_index
from pipelines.mix.tar import BLOCK, END, SampleTar
from pipelines.runs import storage
from pipelines.runs.folder import read_part
from schemas.arrow import arrow_schema
from schemas.errors import SchemaError
from schemas.json_form import from_json, to_json
from schemas.manifest import Manifest, ShardRecord, sealed
from schemas.row_order import RowOrder
from schemas.rows import IndexLine
from schemas.samples import SampleKind, ShardSample

TOMBSTONES_NAME = "tombstones.jsonl"
REQUESTS_NAME = "forgotten.json"
_SHARD_FILE = re.compile(r"(.*-\d{5,})(?:-\d+)?\.(?:tar|tar\.idx|index\.parquet)")


class ForgetError(ValueError):
    """Nothing was changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRequest:
    """What is to be forgotten: whatever fits any of these."""

    domains: tuple[str, ...] = ()
    """Pages or images of a domain or of any host under it."""

    urls: tuple[str, ...] = ()
    """Pages or images with exactly this URL."""

    image_ids: tuple[str, ...] = ()
    """sha256 of an image's bytes."""

    def __post_init__(self) -> None:
        if not (self.domains or self.urls or self.image_ids):
            raise ForgetError("name at least one domain, URL or image id to forget")
        for image_id in self.image_ids:
            if not re.fullmatch("[0-9a-f]{64}", image_id):
                raise ForgetError(f"image id {image_id!r} is not a sha256: 64 hexadecimal digits")

    def matches(self, *, urls: Iterable[str | None], image_ids: Iterable[str], domain: str | None = None) -> str | None:
        """Returns which part of the request a sample fits, None for none.

        Args:
            urls: Of its page and its images.
            image_ids: Of its images.
            domain: Of its page.
        """
        known, ids = {url for url in urls if url}, set(image_ids)
        for url in self.urls:
            if url in known:
                return f"url {url}"
        for image_id in self.image_ids:
            if image_id in ids:
                return f"image {image_id}"
        hosts = [urlsplit(url).hostname or "" for url in known] + [domain or ""]
        for wanted in self.domains:
            name = wanted.lower().strip(".")
            if any(host == name or host.endswith(f".{name}") for host in hosts):
                return f"domain {wanted}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """One line of ``tombstones.jsonl``: a sample that was forgotten."""

    key: str
    kind: SampleKind
    row: int
    shard: str
    """The shard that held it, by its name at that time."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What was forgotten."""

    samples: tuple[Tombstone, ...]
    shards: tuple[str, ...] = field(default=())
    """Names of the rewritten shards, new."""

    def rows(self) -> list[int]:
        """Returns the training rows that held the samples, in order."""
        return sorted({sample.row for sample in self.samples})


def forget(path: str, request: ForgetRequest, *, dry_run: bool = False) -> ForgetReport:
    """Takes everything that ``request`` fits out of the shards at ``path``.

    Args:
        path: A folder with ``manifest.json``, or a run folder with ``shards/`` in it.
        request: What to forget.
        dry_run: Only says what would be forgotten.

    Raises:
        ForgetError: There is no manifest, or a shard is damaged: nothing was changed.
    """
    folder, manifest = _open(path)
    found = {shard.name: _find(folder, shard, request) for shard in manifest.shards}
    if not dry_run:
        _remember(folder, request)
        _remove_superseded(folder, manifest)
    samples = tuple(tombstone for tombstones in found.values() for tombstone in tombstones)
    touched = [shard for shard in manifest.shards if found[shard.name]]
    if dry_run or not samples:
        return ForgetReport(samples=samples, shards=tuple(shard.name for shard in touched))
    renewed = {shard.name: _rewrite(folder, shard, found[shard.name]) for shard in touched}
    after = _renewed_manifest(manifest, renewed, samples)
    _write_beside(folder, manifest, after, samples)
    storage.write_bytes(storage.join(folder, MANIFEST_NAME), (to_json(after, indent=1) + "\n").encode())
    _remove_superseded(folder, after)
    return ForgetReport(samples=samples, shards=tuple(record.name for record in renewed.values()))


def steps_that_used(
    path: str, rows: Sequence[int], *, rows_per_step: int, steps: int, holdout_rows: int = 0
) -> list[int]:
    """Returns the training steps, from 0 and below ``steps``, that read one of ``rows``.

    Args:
        path: As of ``forget``.
        rows: Row numbers.
        rows_per_step: Of all ranks together.
        steps: How many steps were trained.
        holdout_rows: Rows at the end that were held out.
    """
    _, manifest = _open(path)
    n_rows = manifest.n_rows() - holdout_rows
    order = RowOrder(manifest.weights, manifest.pool_rows)
    epochs = -(-steps * rows_per_step // n_rows) if n_rows > 0 else 0
    positions = (
        epoch * n_rows + order.epoch_position(row, n_rows, seed=manifest.seed, epoch=epoch)
        for epoch in range(epochs)
        for row in rows
        if row < n_rows
    )
    return sorted({position // rows_per_step for position in positions} & set(range(steps)))


def _open(path: str) -> tuple[str, Manifest]:
    for folder in (path, storage.join(path, "shards")):
        if storage.exists(storage.join(folder, MANIFEST_NAME)):
            try:
                manifest = from_json(storage.read_bytes(storage.join(folder, MANIFEST_NAME)), Manifest)
            except SchemaError as error:
                raise ForgetError(f"{folder}/{MANIFEST_NAME}: {error}; nothing was changed") from error
            if sealed(manifest) != manifest:
                raise ForgetError(f"{folder}/{MANIFEST_NAME} does not fit its digest: run `mm1 verify`")
            return folder, manifest
    raise ForgetError(f"{path} has no {MANIFEST_NAME}: there are no whole shards to forget from")


def _find(folder: str, shard: ShardRecord, request: ForgetRequest) -> list[Tombstone]:
    found = []
    for line, data in _stored(folder, shard):
        reason = None if line.forgotten else _reason(request, _json_member(data, line))
        if reason:
            found.append(Tombstone(key=line.key, kind=line.kind, row=line.row, shard=shard.name, reason=reason))
    return found


def _reason(request: ForgetRequest, meta: Mapping[str, Any]) -> str | None:
    source = meta["source"]
    urls = [source.get("url"), *meta["image_urls"]]
    return request.matches(urls=urls, image_ids=meta["image_ids"], domain=source.get("domain"))


def _stored(folder: str, shard: ShardRecord) -> Iterator[tuple[IndexLine, bytes]]:
    """Yields index lines with the bytes of their samples, checked."""
    path = storage.join(folder, shard.name)
    with storage.open_read(path) as file:
        for line in read_part(storage.join(folder, shard.index_name), IndexLine):
            file.seek(line.offset)
            data = file.read(line.length)
            if google_crc32c.value(data) != line.crc32c:
                raise ForgetError(
                    f"{shard.name}, sample {line.key}, offset {line.offset}: damaged, so nobody can say what it holds;"
                    " nothing was changed. See `mm1 verify`"
                )
            yield line, data


def _json_member(data: bytes, line: IndexLine) -> dict[str, Any]:
    """Returns the JSON of a sample: its last member."""
    offset = 0
    while True:
        size = int(data[offset + 124 : offset + 135], 8)
        end = offset + BLOCK + size + (-size % BLOCK)
        if end >= len(data):
            meta: dict[str, Any] = json.loads(data[offset + BLOCK : offset + BLOCK + size])
            if meta["key"] != line.key:
                raise ForgetError(f"sample {line.key} holds the JSON of {meta['key']}; see `mm1 verify`")
            return meta
        offset = end


def _rewrite(folder: str, shard: ShardRecord, tombstones: Sequence[Tombstone]) -> ShardRecord:
    """Writes a shard without what is forgotten under its next name, and returns its record."""
    reasons = {tombstone.key: tombstone.reason for tombstone in tombstones}
    name = next_name(shard.name)
    lines: list[IndexLine] = []
    with storage.publish(storage.join(folder, name)) as sink, SampleTar(sink) as tar:
        for line, data in _stored(folder, shard):
            gone = line.key in reasons
            member = forgotten_sample(line, reasons[line.key]).encode() if gone else b""
            offset, length, crc = tar.add([(f"{line.key}.json".encode(), member)]) if gone else tar.add_stored(data)
            n_loss = 0 if gone else line.n_loss
            forgotten = gone or line.forgotten
            lines.append(replace(line, offset=offset, length=length, crc32c=crc, n_loss=n_loss, forgotten=forgotten))
    index = _index_bytes(lines)
    index_sha256 = storage.write_bytes(storage.join(folder, index_name(name)), index)
    idx = tar_index([line.offset for line in lines], sink.n_bytes - len(END))
    storage.write_bytes(storage.join(folder, f"{name}.idx"), idx)
    return replace(
        shard,
        name=name,
        n_bytes=sink.n_bytes,
        sha256=sink.sha256(),
        index_name=index_name(name),
        index_bytes=len(index),
        index_sha256=index_sha256,
    )


def next_name(name: str) -> str:
    """Returns the name of a shard's next writing: ``mix-00003.tar``, ``mix-00003-1.tar``, ``mix-00003-2.tar``, ..."""
    found = re.fullmatch(r"(.*-\d{5,})(?:-(\d+))?\.tar", name)
    if not found:
        raise ForgetError(f"shard {name!r} is not named as shards are")
    return f"{found[1]}-{int(found[2] or 0) + 1}.tar"


def forgotten_sample(line: IndexLine, reason: str) -> str:
    """Returns the JSON member that stands in for a forgotten sample."""
    empty = ShardSample(
        key=line.key,
        kind=line.kind,
        texts=(),
        images=(),
        image_members=(),
        captions={},
        scores=(),
        image_ids=(),
        image_urls=(),
        source={"forgotten": reason.split(" ", 1)[0]},
    )
    return to_json(empty)


def _index_bytes(lines: Sequence[IndexLine]) -> bytes:
    schema = arrow_schema(IndexLine)
    columns = {name: [getattr(line, name) for line in lines] for name in schema.names}
    columns["kind"] = [line.kind.value for line in lines]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _renewed_manifest(manifest: Manifest, renewed: Mapping[str, ShardRecord], samples: Sequence[Tombstone]) -> Manifest:
    forgotten = {kind.value: manifest.forgotten.get(kind.value, 0) for kind in SampleKind}
    for sample in samples:
        forgotten[sample.kind.value] += 1
    shards = tuple(renewed.get(shard.name, shard) for shard in manifest.shards)
    return sealed(replace(manifest, shards=shards, forgotten=forgotten))


def _write_beside(folder: str, before: Manifest, after: Manifest, samples: Sequence[Tombstone]) -> None:
    """Renews what lies beside the shards: tombstones, the card, Croissant, Energon's files."""
    path = storage.join(folder, TOMBSTONES_NAME)
    known = storage.read_bytes(path).decode().splitlines() if storage.exists(path) else []
    lines = sorted({*known, *(to_json(sample) for sample in samples)})
    storage.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())
    card = storage.join(folder, CARD_NAME)
    if storage.exists(card):
        storage.write_bytes(card, with_forgotten(storage.read_bytes(card).decode(), after).encode())
    if storage.exists(storage.join(folder, CROISSANT_NAME)):
        storage.write_bytes(storage.join(folder, CROISSANT_NAME), make_croissant(after).encode())
    if not storage.exists(storage.join(folder, energon.FOLDER)):
        return
    counts = {shard.name: sum(shard.samples.values()) for shard in after.shards}
    for name, text in energon.text_files(counts, after.digest).items():
        storage.write_bytes(storage.join(folder, energon.FOLDER, name), text.encode())
    with tempfile.TemporaryDirectory(prefix="mm1-") as temporary:
        local = os.path.join(temporary, "index.sqlite")
        energon.write_sqlite(local, _sample_rows(folder, after), _part_rows(folder, after))
        data = storage.read_bytes(local)
    storage.write_bytes(storage.join(folder, energon.FOLDER, "index.sqlite"), data)


def _sample_rows(folder: str, manifest: Manifest) -> Iterator[energon.SampleRow]:
    for number, shard in enumerate(manifest.shards):
        for place, line in enumerate(read_part(storage.join(folder, shard.index_name), IndexLine)):
            yield number, line.key, place, line.offset, line.length


def _part_rows(folder: str, manifest: Manifest) -> Iterator[energon.PartRow]:
    for number, shard in enumerate(manifest.shards):
        with storage.open_read(storage.join(folder, shard.name)) as file:
            for place, line in enumerate(read_part(storage.join(folder, shard.index_name), IndexLine)):
                offset = line.offset
                while offset < line.offset + line.length:
                    file.seek(offset)
                    header = file.read(BLOCK)
                    size = int(header[124:135], 8)
                    part = header[:100].rstrip(b"\0").decode().split(".", 1)[1]
                    yield number, place, part, offset + BLOCK, size
                    offset += BLOCK + size + (-size % BLOCK)


def _remove_superseded(folder: str, manifest: Manifest) -> None:
    """Removes other writings of the manifest's shards: what this call replaced, or one that was killed left behind."""
    named = {name for s in manifest.shards for name in (s.name, s.index_name, f"{s.name}.idx")}
    numbers = {found[1] for s in manifest.shards if (found := _SHARD_FILE.fullmatch(s.name))}
    for path in storage.list_files(folder, temporary=True):
        name = path.rsplit("/", 1)[-1]
        found = _SHARD_FILE.fullmatch(name)
        is_old = found is not None and found[1] in numbers and name not in named
        if is_old or name.startswith(storage.TEMPORARY_PREFIX):
            storage.remove(path)


def read_requests(run: str) -> list[ForgetRequest]:
    """Returns what was asked to be forgotten of a run folder, in order."""
    path = storage.join(run, REQUESTS_NAME)
    if not storage.exists(path):
        return []
    return [from_json(json.dumps(item), ForgetRequest) for item in json.loads(storage.read_bytes(path))]


def _remember(folder: str, request: ForgetRequest) -> None:
    run = folder.rstrip("/").rpartition("/")[0]
    if not run or not storage.exists(storage.join(run, "run.json")):
        return
    requests = read_requests(run)
    if request not in requests:
        text = ",\n".join(to_json(item) for item in [*requests, request])
        storage.write_bytes(storage.join(run, REQUESTS_NAME), f"[{text}]\n".encode())
