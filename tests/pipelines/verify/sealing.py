"""Changes a folder of shards and seals it again: every length, checksum and digest fits what was changed.

What is found then is found by its meaning, not by a checksum.
"""

import dataclasses
import hashlib
import pathlib
import tarfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.json_form import from_json, to_json
from schemas.manifest import Manifest, ShardRecord, sealed

Member = tuple[str, bytes]
Line = dict[str, Any]


def read_manifest(folder: pathlib.Path) -> Manifest:
    return from_json((folder / "manifest.json").read_bytes(), Manifest)


def seal(folder: pathlib.Path, **changes: Any) -> None:
    """Changes fields of the manifest, and makes its sizes and digests those of the files."""
    manifest = dataclasses.replace(read_manifest(folder), **changes)
    shards = tuple(_measured(folder, shard) for shard in manifest.shards)
    renewed = sealed(dataclasses.replace(manifest, shards=shards))
    (folder / "manifest.json").write_text(to_json(renewed, indent=1) + "\n")


def _measured(folder: pathlib.Path, shard: ShardRecord) -> ShardRecord:
    data, index = (folder / shard.name).read_bytes(), (folder / shard.index_name).read_bytes()
    return dataclasses.replace(
        shard,
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        index_bytes=len(index),
        index_sha256=hashlib.sha256(index).hexdigest(),
    )


def lines_of(folder: pathlib.Path, shard: str) -> list[Line]:
    rows: list[Line] = pq.read_table(_index(folder, shard)).to_pylist()
    return rows


def write_lines(folder: pathlib.Path, shard: str, lines: Sequence[Line]) -> None:
    """Writes an index, and seals the folder."""
    path = _index(folder, shard)
    table = pa.Table.from_pylist(list(lines), schema=pq.read_schema(path))
    pq.write_table(table, path)
    seal(folder)


def _index(folder: pathlib.Path, shard: str) -> pathlib.Path:
    return folder / shard.replace(".tar", ".index.parquet")


def members_of(folder: pathlib.Path, shard: str, line: Mapping[str, Any]) -> list[Member]:
    """Returns the members of a sample, read by the standard library."""
    start, end = line["offset"], line["offset"] + line["length"]
    with tarfile.open(folder / shard) as tar:
        infos = [info for info in tar if start <= info.offset < end]
        return [(info.name, _content(tar, info)) for info in infos]


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    assert file is not None
    return file.read()


def tar_bytes(members: Sequence[Member | tarfile.TarInfo]) -> bytes:
    """Returns members one after the other, without the blocks that end a tar; a bare ``TarInfo`` has no content."""
    parts = []
    for member in members:
        info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member[0])
        content = b"" if isinstance(member, tarfile.TarInfo) else member[1]
        info.size = len(content)
        parts += [info.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % 512)]
    return b"".join(parts)


def change_sample(
    folder: pathlib.Path, shard: str, place: int, change: Callable[[list[Member]], Sequence[Member | tarfile.TarInfo]]
) -> None:
    """Gives the sample at ``place`` of a shard other members, and seals the folder."""
    lines = lines_of(folder, shard)
    changed = tar_bytes(change(members_of(folder, shard, lines[place])))
    data = (folder / shard).read_bytes()
    stored = [data[line["offset"] : line["offset"] + line["length"]] for line in lines]
    stored[place] = changed
    offset = 0
    for line, sample in zip(lines, stored, strict=True):
        line.update(offset=offset, length=len(sample), crc32c=google_crc32c.value(sample))
        offset += len(sample)
    (folder / shard).write_bytes(b"".join(stored) + bytes(1024))
    write_lines(folder, shard, lines)
