"""A folder of shards as one array of training rows: any row is one ranged read."""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from mm1_model.data.damage import DamagedSampleError, ShardError
from mm1_model.data.files import RangedFiles
from schemas.json_form import from_json
from schemas.manifest import MANIFEST_VERSION, Manifest, ShardRecord, sealed
from schemas.row_layout import SpecialTokens
from schemas.row_order import RowOrder
from schemas.rows import IndexLine
from schemas.samples import SampleKind

MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 28
"""Enough for a quarter of a million shards; a larger file is no manifest of ours."""

INDEXES_KEPT = 256
"""Indexes of shards held in memory, a few hundred kilobytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """One sample as stored: its index line and its bytes, checked against the line's checksum."""

    shard: str
    line: IndexLine
    data: memoryview | None
    """The tar members; None for a sample that is damaged or forgotten."""

    damage: DamagedSampleError | None = None


class ShardSet:
    """The shards that a manifest names. Safe to use from many threads; picklable."""

    def __init__(self, path: str) -> None:
        """Opens a folder with ``manifest.json``, or a run folder with ``shards/`` in it. Reads no shard yet.

        Raises:
            ShardError: There is no manifest, it is of another version, or the tokenizer beside it is another one.
        """
        self._files, self.manifest, self.manifest_sha256 = _open_manifest(path)
        self._first_rows = [shard.first_row for shard in self.manifest.shards]
        self._indexes: OrderedDict[int, _Index] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, str]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    @property
    def path(self) -> str:
        """The folder that holds the manifest."""
        return self._files.folder

    @property
    def num_rows(self) -> int:
        """Training rows of all kinds."""
        return self.manifest.n_rows()

    @cached_property
    def special(self) -> SpecialTokens:
        """Ids of the special tokens."""
        return SpecialTokens.from_map(self.manifest.special_tokens)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the rows were planned with.

        Raises:
            ShardError: The file is not the one that the manifest names.
        """
        data = self._files.read(self.manifest.tokenizer)
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.manifest.tokenizer_sha256:
            raise ShardError(
                f"{self._files.path(self.manifest.tokenizer)} has sha256 {digest}, the rows were planned with"
                f" {self.manifest.tokenizer_sha256}: restore that file, or run `mix` again"
            )
        tokenizer = Tokenizer.from_buffer(data)
        # A text that spells out "<image>" must not make a position that waits for an image.
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def order(self) -> RowOrder:
        """The arithmetic of the kinds."""
        return RowOrder(self.manifest.weights, self.manifest.pool_rows)

    def lines(self, row: int) -> list[IndexLine]:
        """Returns the index lines of one row, in order.

        Raises:
            IndexError: There is no such row.
            ShardError: The index beside the shard is not the one that the manifest names.
        """
        number = self._shard_of(row)
        return self._index(number).lines(row)

    def read_row(self, row: int) -> list[StoredSample]:
        """Reads the samples of one row with one ranged read, and checks each against its checksum.

        A sample that does not hold has its ``damage``; the others of its row are whole.
        """
        number = self._shard_of(row)
        name = self.manifest.shards[number].name
        lines = self._index(number).lines(row)
        if not lines:
            return []
        start, end = lines[0].offset, lines[-1].offset + lines[-1].length
        data = self._read(name, lines, start, end - start)
        # One buffer: slices of it cost no copy.
        return [_check(name, line, data[line.offset - start : line.offset - start + line.length]) for line in lines]

    def _read(self, name: str, lines: Sequence[IndexLine], start: int, length: int) -> "np.ndarray":
        try:
            return np.frombuffer(self._files.read_range(name, start, length), dtype=np.uint8)
        except OSError as error:
            raise DamagedSampleError(name, lines[0].key, start, f"cannot be read: {error}") from error

    def _shard_of(self, row: int) -> int:
        if not 0 <= row < self.num_rows:
            raise IndexError(f"row {row} is not in 0..{self.num_rows - 1} of {self.path}")
        return int(np.searchsorted(self._first_rows, row, side="right")) - 1

    def _index(self, number: int) -> "_Index":
        with self._lock:
            index = self._indexes.pop(number, None)
            if index is not None:
                self._indexes[number] = index
                return index
        index = _Index(self._files, self.manifest.shards[number])
        with self._lock:
            self._indexes[number] = index
            while len(self._indexes) > INDEXES_KEPT:
                self._indexes.popitem(last=False)
        return index


class _Index:
    """The index of one shard as columns."""

    def __init__(self, files: RangedFiles, shard: ShardRecord) -> None:
        data = files.read(shard.index_name)
        if len(data) != shard.index_bytes or hashlib.sha256(data).hexdigest() != shard.index_sha256:
            raise ShardError(
                f"{files.path(shard.index_name)} is not the index that the manifest names; see `mm1 verify`"
            )
        table = pq.read_table(io.BytesIO(data))
        self._columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
        self._rows = self._columns["row"]

    def lines(self, row: int) -> list[IndexLine]:
        first, end = np.searchsorted(self._rows, (row, row + 1))
        return [self._line(place) for place in range(int(first), int(end))]

    def _line(self, place: int) -> IndexLine:
        column = self._columns
        return IndexLine(
            row=int(column["row"][place]),
            key=str(column["key"][place]),
            kind=SampleKind(column["kind"][place]),
            offset=int(column["offset"][place]),
            length=int(column["length"][place]),
            n_text=int(column["n_text"][place]),
            n_images=int(column["n_images"][place]),
            n_loss=int(column["n_loss"][place]),
            crc32c=int(column["crc32c"][place]),
            forgotten=bool(column["forgotten"][place]),
        )


def _check(shard: str, line: IndexLine, data: "np.ndarray") -> StoredSample:
    import google_crc32c

    if line.forgotten:
        return StoredSample(shard=shard, line=line, data=None)
    damage = None
    if len(data) != line.length:
        damage = f"the file ends {line.length - len(data)} bytes before the sample does"
    elif google_crc32c.value(data) != line.crc32c:
        damage = f"CRC-32C is {google_crc32c.value(data):08x}, the index says {line.crc32c:08x}"
    if damage:
        error = DamagedSampleError(shard, line.key, line.offset, damage)
        return StoredSample(shard=shard, line=line, data=None, damage=error)
    return StoredSample(shard=shard, line=line, data=data.data)


def _open_manifest(path: str) -> tuple[RangedFiles, Manifest, str]:
    for folder in (path, f"{path.rstrip('/')}/shards"):
        files = RangedFiles(folder)
        try:
            size = files.size(MANIFEST_NAME)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if size > MAX_MANIFEST_BYTES:
            raise ShardError(f"{files.path(MANIFEST_NAME)} has {size} bytes: no manifest is that large")
        data = files.read(MANIFEST_NAME)
        manifest = _parse_manifest(data, files.path(MANIFEST_NAME))
        return files, manifest, hashlib.sha256(data).hexdigest()
    raise ShardError(
        f"{path} has no {MANIFEST_NAME}, and its folder shards/ neither: the shards are not written, or not complete"
    )


def _parse_manifest(data: bytes, path: str) -> Manifest:
    try:
        manifest = from_json(data, Manifest)
    except ValueError as error:
        raise ShardError(f"{path}: {error}") from error
    if manifest.version != MANIFEST_VERSION:
        raise ShardError(f"{path} has version {manifest.version}, this build reads version {MANIFEST_VERSION}")
    if sealed(manifest) != manifest:
        raise ShardError(f"{path} was changed after it was written: its digest does not fit its content")
    names = [name for s in manifest.shards for name in (s.name, s.index_name)] + [manifest.tokenizer]
    outside = [name for name in names if "/" in name or name.startswith(".")]
    if outside:
        raise ShardError(f"{path} names files outside its folder: {outside[:3]}")
    return manifest
