"""``mm1 diff``: how two sets of shards differ."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.verify.manifest_checks import MANIFEST_NAME, read_manifest
from schemas.manifest import Manifest

_SETTINGS = (
    "recipe_fingerprint",
    "tokenizer_sha256",
    "seed",
    "sequence_length",
    "tokens_per_image",
    "images_per_row",
    "rows_per_shard",
    "weights",
)
_COUNTS = ("rows", "samples", "text_tokens", "images", "left_over", "repeated", "forgotten")
_COLUMNS = ["row", "key", "kind", "crc32c"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDiff:
    """What differs between two folders of shards, A and B."""

    settings: dict[str, tuple[object, object]]
    """Settings that differ, as ``(A, B)``."""

    counts: dict[str, dict[str, tuple[int, int]]]
    """Counts that differ, by name and kind, as ``(A, B)``."""

    only_a: dict[str, int]
    """By kind, samples whose key stands only in A."""

    only_b: dict[str, int]
    changed: dict[str, int]
    """Samples of one key whose bytes differ."""

    moved: dict[str, int]
    """Samples of the same bytes that stand in another row."""

    same: int
    """Samples of the same bytes in the same row."""

    first_row: int | None
    """The first training row that is not the same in both; None where all are."""

    shards: int
    """Shards with the same bytes in both."""

    def is_empty(self) -> bool:
        """Returns whether the two are the same."""
        return self.first_row is None and not self.settings and not self.counts


def diff(a: str, b: str) -> ShardDiff:
    """Returns how the shards at ``b`` differ from those at ``a``.

    Args:
        a: A folder with ``manifest.json``, or a run folder with ``shards/`` in it.
        b: Another.

    Raises:
        ValueError: One of them has no readable manifest.
    """
    folder_a, manifest_a = _open(a)
    folder_b, manifest_b = _open(b)
    before = {key: (row, kind, crc) for row, key, kind, crc in _lines(folder_a, manifest_a)}
    only_b: dict[str, int] = {}
    changed: dict[str, int] = {}
    moved: dict[str, int] = {}
    same, rows = 0, set[int]()
    for row, key, kind, crc in _lines(folder_b, manifest_b):
        old = before.pop(key, None)
        if old == (row, kind, crc):
            same += 1
            continue
        rows |= {row} if old is None else {row, old[0]}
        group = only_b if old is None else changed if old[2] != crc else moved
        group[kind] = group.get(kind, 0) + 1
    only_a: dict[str, int] = {}
    for row, kind, _ in before.values():
        rows.add(row)
        only_a[kind] = only_a.get(kind, 0) + 1
    digests = {shard.sha256 for shard in manifest_a.shards}
    return ShardDiff(
        settings=_settings(manifest_a, manifest_b),
        counts=_counts(manifest_a, manifest_b),
        only_a=only_a,
        only_b=only_b,
        changed=changed,
        moved=moved,
        same=same,
        first_row=min(rows, default=None),
        shards=sum(shard.sha256 in digests for shard in manifest_b.shards),
    )


def _open(path: str) -> tuple[str, Manifest]:
    for folder in (path, storage.join(path, "shards")):
        file = storage.join(folder, MANIFEST_NAME)
        if storage.exists(file):
            try:
                return folder, read_manifest(storage.read_bytes(file))
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from error
    raise ValueError(f"{path} has no {MANIFEST_NAME}: there are no whole shards to compare")


def _lines(folder: str, manifest: Manifest) -> Iterator[tuple[int, str, str, int]]:
    for shard in manifest.shards:
        with storage.open_read(storage.join(folder, shard.index_name)) as file:
            table = pq.read_table(file, columns=_COLUMNS)
        yield from zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True)


def _settings(a: Manifest, b: Manifest) -> dict[str, tuple[object, object]]:
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in _SETTINGS}
    return {name: (left, right) for name, (left, right) in pairs.items() if left != right}


def _counts(a: Manifest, b: Manifest) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    values_a, values_b = dataclasses.asdict(a), dataclasses.asdict(b)
    for name in _COUNTS:
        for kind in sorted({*values_a[name], *values_b[name]}):
            pair = values_a[name].get(kind, 0), values_b[name].get(kind, 0)
            if pair[0] != pair[1]:
                found.setdefault(name, {})[kind] = pair
    return found
