"""Writes one shard: the tar and its index, from planned pieces and pointers."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.mix.pieces import from_spool, piece_key, rewritten_member
from pipelines.mix.plan import KINDS, sample_key
from pipelines.mix.tar import BLOCK, END, SampleTar
from pipelines.runs import storage
from schemas.arrow import arrow_schema
from schemas.manifest import ShardRecord
from schemas.row_layout import num_loss
from schemas.rows import IndexLine, ShardMember
from schemas.summary import PartRecord

SHARDS = "shards"
"""Folder of the shards in the run folder, and name of their table in the job's summary."""

ReadRange = Callable[[str, int, int], bytes]
"""Reads ``(file, offset, length)``, with the file relative to the run folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenShard:
    """A shard that is in place."""

    record: ShardRecord
    parts: tuple[PartRecord, ...]
    members: tuple[ShardMember, ...]


def shard_name(number: int) -> str:
    """Returns the file name of a shard's tar."""
    return f"mix-{number:05d}.tar"


def index_name(tar_name: str) -> str:
    """Returns the file name of the index beside a tar."""
    return tar_name.removesuffix(".tar") + ".index.parquet"


def spool_path(part: int, count: int) -> str:
    """Returns where the JSON members of a measured part lie, relative to the run folder."""
    return f"mix/spool/part-measure-{part:05d}-of-{count:05d}.tar"


def write_shard(
    folder: str, number: int, placed: np.ndarray, *, first_row: int, spool_count: int, read: ReadRange
) -> WrittenShard:
    """Writes shard ``number`` with its index.

    Args:
        folder: Where shards go.
        number: Of the shard.
        placed: Its pieces (``plan.PLACED``) in the order of rows and places.
        first_row: Global number of its first row.
        spool_count: Parts of the spool.
        read: Reads the spool and the image store.
    """
    tar_name = shard_name(number)
    columns: dict[str, list[Any]] = {name: [] for name in arrow_schema(IndexLine).names}
    where: list[ShardMember] = []
    with storage.publish(storage.join(folder, tar_name)) as sink, SampleTar(sink) as tar:
        for sample, piece in enumerate(placed):
            key, members = _members(piece, spool_count, read)
            offset, length, crc = tar.add(members)
            n_text, n_images = int(piece["n_text"]), int(piece["n_images"])
            kind = KINDS[piece["kind"]].value
            line = (int(piece["row"]), key, kind, offset, length, n_text, n_images, num_loss(n_text), crc, False)
            for column, value in zip(columns.values(), line, strict=True):
                column.append(value)
            where += _where(number, sample, offset, members)
    with storage.publish(storage.join(folder, index_name(tar_name))) as index:
        pq.write_table(pa.table(columns, schema=arrow_schema(IndexLine)), index, compression="zstd")
    record = ShardRecord(
        name=tar_name,
        n_bytes=sink.n_bytes,
        sha256=sink.sha256(),
        index_name=index_name(tar_name),
        index_bytes=index.n_bytes,
        index_sha256=index.sha256(),
        first_row=first_row,
        rows=_by_kind(placed[placed["place"] == 0], None),
        samples=_by_kind(placed, None),
        text_tokens=_by_kind(placed, "n_text"),
        images=_by_kind(placed, "n_images"),
    )
    idx = tar_index(columns["offset"], sink.n_bytes - len(END))
    idx_sha256 = storage.write_bytes(storage.join(folder, f"{tar_name}.idx"), idx)
    return WrittenShard(record=record, parts=_parts(record, len(idx), idx_sha256), members=tuple(where))


def tar_index(offsets: Sequence[int], end: int) -> bytes:
    """Returns Energon's ``.tar.idx``: the offset of each sample and of the end, as little-endian 64-bit integers."""
    return struct.pack(f"<{len(offsets) + 1}Q", *offsets, end)


def _where(shard: int, sample: int, offset: int, members: Sequence[tuple[bytes, bytes]]) -> list[ShardMember]:
    found = []
    for name, content in members:
        offset += BLOCK
        part = name.decode().split(".", 1)[1]
        found.append(ShardMember(shard=shard, sample=sample, part=part, offset=offset, size=len(content)))
        offset += len(content) + (-len(content) % BLOCK)
    return found


def placed_key(piece: np.void) -> str:
    """Returns the key in the shards of a placed piece."""
    numbers = {name: int(piece[name]) for name in ("piece", "pieces", "repeat", "split")}
    return piece_key(sample_key(piece), **numbers)


def _members(piece: np.void, spool_count: int, read: ReadRange) -> tuple[str, list[tuple[bytes, bytes]]]:
    spooled = read(spool_path(int(piece["part"]), spool_count), int(piece["offset"]), int(piece["length"]))
    pointers, member = from_spool(spooled)
    key = placed_key(piece)
    if piece["repeat"] or piece["splits"] > 1:
        names = ("repeat", "split", "splits", "first_atom", "last_atom")
        member, chosen = rewritten_member(member, key=key, **{name: int(piece[name]) for name in names})
        pointers = pointers[chosen]
    images = [
        (f"{key}.{place:03d}.{extension}".encode(), read(file, offset, length))
        for place, (file, offset, length, extension) in enumerate(pointers)
    ]
    return key, [*images, (f"{key}.json".encode(), member)]


def _by_kind(placed: np.ndarray, field: str | None) -> dict[str, int]:
    sums = {}
    for number, kind in enumerate(KINDS):
        chosen = placed[placed["kind"] == number]
        sums[kind.value] = int(chosen[field].sum()) if field else len(chosen)
    return sums


def _parts(record: ShardRecord, idx_bytes: int, idx_sha256: str) -> tuple[PartRecord, ...]:
    rows = sum(record.samples.values())
    return (
        PartRecord(
            table=SHARDS, path=f"{SHARDS}/{record.name}", rows=rows, n_bytes=record.n_bytes, sha256=record.sha256
        ),
        PartRecord(
            table="index",
            path=f"{SHARDS}/{record.index_name}",
            rows=rows,
            n_bytes=record.index_bytes,
            sha256=record.index_sha256,
        ),
        PartRecord(
            table="tar_index", path=f"{SHARDS}/{record.name}.idx", rows=rows + 1, n_bytes=idx_bytes, sha256=idx_sha256
        ),
    )
