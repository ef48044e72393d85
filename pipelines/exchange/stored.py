"""The samples of a folder of shards, one after the other, with their image bytes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import google_crc32c

from pipelines.runs import storage
from pipelines.runs.folder import read_part
from pipelines.verify.manifest_checks import MANIFEST_NAME, read_manifest
from pipelines.verify.tar_walk import TarFaultError, walk
from schemas.json_form import from_json
from schemas.manifest import Manifest
from schemas.rows import IndexLine
from schemas.samples import ShardSample


class ExchangeError(ValueError):
    """A file or folder cannot be exported or imported; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """A sample as its shard has it."""

    line: IndexLine
    shard: str
    sample: ShardSample
    images: tuple[bytes, ...]
    """In order."""

    image_offsets: tuple[int, ...]
    """Where the bytes of each image begin in the shard."""


def open_manifest(path: str) -> tuple[str, Manifest]:
    """Returns the folder that holds the shards, and its manifest.

    Raises:
        ExchangeError: There is none.
    """
    for folder in (path, storage.join(path, "shards")):
        file = storage.join(folder, MANIFEST_NAME)
        if storage.exists(file):
            try:
                return folder, read_manifest(storage.read_bytes(file))
            except ValueError as error:
                raise ExchangeError(f"{file}: {error}") from error
    raise ExchangeError(f"{path} has no {MANIFEST_NAME}: there are no whole shards to export")


def read_stored(path: str) -> Iterator[StoredSample]:
    """Yields the samples of a folder of shards in the order of the rows; forgotten ones are passed over.

    Raises:
        ExchangeError: A sample is damaged.
    """
    folder, manifest = open_manifest(path)
    for shard in manifest.shards:
        with storage.open_read(storage.join(folder, shard.name)) as file:
            for line in read_part(storage.join(folder, shard.index_name), IndexLine):
                if not line.forgotten:
                    file.seek(line.offset)
                    yield _stored(shard.name, line, file.read(line.length))


def _stored(shard: str, line: IndexLine, data: bytes) -> StoredSample:
    if google_crc32c.value(data) != line.crc32c:
        raise ExchangeError(f"{shard}, sample {line.key}, offset {line.offset}: damaged; see `mm1 verify`")
    try:
        members = list(walk(io.BytesIO(data), len(data), needs_end=False))
    except TarFaultError as error:
        raise ExchangeError(f"{shard}, sample {line.key}, offset {line.offset + error.offset}: {error}") from error
    contents = [data[m.offset : m.offset + m.size] for m in members]
    return StoredSample(
        line=line,
        shard=shard,
        sample=from_json(contents[-1], ShardSample),
        images=tuple(contents[:-1]),
        image_offsets=tuple(line.offset + m.offset for m in members[:-1]),
    )
