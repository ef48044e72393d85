"""What Megatron Energon keeps beside shards: written here, so that its ``prepare`` need not run.

The layout is that of Energon 7.4 (``megatron/energon/flavors/webdataset``): ``.info.json``, ``split.yaml``,
``dataset.yaml``, a sample loader, ``index.sqlite`` and ``index.uuid``. It is internal to Energon, so a test compares
with the real ``prepare`` of a pinned version.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence

FOLDER = ".nv-meta"
ENERGON_VERSION = "7.4.1"
"""The version whose layout this is."""

SAMPLE_LOADER = '''"""Turns a stored sample into the sequence of an InterleavedSample: texts and images in order."""


def sample_loader(raw):
    meta = raw["json"]
    sequence = [raw[image] if text is None else text for text, image in zip(meta["texts"], meta["images"])]
    return {"__key__": raw["__key__"], "sequence": sequence}


def part_filter(part):
    return True
'''

DATASET = """sample_type:
  __module__: megatron.energon
  __class__: InterleavedSample
part_filter: sample_loader.py:part_filter
sample_loader: sample_loader.py:sample_loader
"""

_TABLES = (
    "CREATE TABLE samples (tar_file_id INTEGER NOT NULL, sample_key TEXT NOT NULL UNIQUE,"
    " sample_index INTEGER NOT NULL, byte_offset INTEGER, byte_size INTEGER)",
    "CREATE TABLE sample_parts (tar_file_id INTEGER, sample_index INTEGER, part_name TEXT,"
    " content_byte_offset INTEGER, content_byte_size INTEGER)",
)
_INDEXES = (
    "CREATE INDEX idx_samples_by_tar_and_idx ON samples(tar_file_id, sample_index)",
    "CREATE INDEX idx_sample_parts_seq ON sample_parts(tar_file_id, sample_index, content_byte_offset)",
    "CREATE INDEX idx_sample_parts_full ON sample_parts(tar_file_id, sample_index, part_name, content_byte_offset,"
    " content_byte_size)",
)

SampleRow = tuple[int, str, int, int, int]
"""``(shard, key, place in the shard, offset, size)``."""

PartRow = tuple[int, int, str, int, int]
"""``(shard, place in the shard, part, offset of the content, size of the content)``."""


def text_files(shard_counts: Mapping[str, int], manifest_digest: str) -> dict[str, str]:
    """Returns the small files by name.

    Args:
        shard_counts: Samples of each shard, in the order of the rows.
        manifest_digest: Hexadecimal. The set's UUID is made of it, so the same shards have the same one.
    """
    names = "".join(f"  - {name}\n" for name in shard_counts)
    train = f"  train:\n{names}" if names else "  train: []\n"
    info = {"energon_version": ENERGON_VERSION, "shard_counts": dict(shard_counts)}
    return {
        ".info.json": json.dumps(info, indent=2),
        "split.yaml": f"split_parts:\n{train}  val: []\n  test: []\nexclude: []\n",
        "dataset.yaml": DATASET,
        "sample_loader.py": SAMPLE_LOADER,
        "index.uuid": str(uuid.UUID(bytes=bytes.fromhex(manifest_digest)[:16], version=4)),
    }


def write_sqlite(path: str, samples: Iterable[SampleRow], parts: Iterable[PartRow]) -> None:
    """Writes ``index.sqlite`` to a new local file. The same rows in the same order give the same bytes."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        _execute(database, ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "BEGIN", *_TABLES))
        database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", samples)
        database.executemany("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)", parts)
        _execute(database, (*_INDEXES, "COMMIT"))
    finally:
        database.close()


def _execute(database: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        database.execute(statement)
