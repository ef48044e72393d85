"""The plan of the rows as arrays of metadata: 56 bytes a caption, 152 another sample, never a text or an image.

Pieces are spread over windows by a keyed hash of their pool row, so a window is a random part of the pool and all
pieces of a document share one. A window is packed by itself. The rows of a kind are those of window 0, then those of
window 1, and so on: a global random order that no worker has to hold.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.mix.fill import Limits, Ruler, fill
from pipelines.mix.pack import pack
from schemas.digests import keyed_digest
from schemas.row_layout import num_frame_tokens
from schemas.row_order import RowOrder, permute
from schemas.samples import SampleKind

WINDOW_ROWS = 1 << 14
"""Pool rows of a window at most: packing wastes at most about a row a window, and a window is about 1 MB."""

KINDS = tuple(SampleKind)

MAX_CUTS = 16
"""Places where a piece may be cut to fill rows, spread evenly."""

MAX_CUT_POSITIONS = 1 << 16
"""Rows of more positions are never filled by cutting: so long a row is seldom left empty."""

PIECE = np.dtype(
    [
        ("order", "<i8"),
        ("sample_high", "<u8"),
        ("sample_low", "<u8"),
        ("piece", "<i4"),
        ("pieces", "<i4"),
        ("n_text", "<i4"),
        ("n_images", "<i4"),
        ("part", "<i4"),
        ("length", "<i4"),
        ("offset", "<i8"),
        ("cuts", [("atom", "<u2"), ("n_text", "<u2"), ("n_images", "<u2")], (MAX_CUTS,)),
    ]
)
"""One piece of a pool row, where in ``mix/spool`` its JSON member lies, and where it may be cut (atom 0: no cut)."""

_KEPT = tuple(name for name in PIECE.names or () if name != "cuts")
_PLAIN = np.dtype([(name, PIECE[name]) for name in _KEPT])

PLACED = np.dtype(
    [
        ("row", "<i8"),
        ("place", "<i4"),
        ("repeat", "<i2"),
        ("kind", "<i2"),
        ("split", "<i2"),
        ("splits", "<i2"),
        ("first_atom", "<i4"),
        ("last_atom", "<i4"),
        *((name, PIECE[name]) for name in _KEPT),
    ]
)
"""A piece, or split ``split`` of ``splits`` of it, with its row: in a window's plan the row counts from 0 in the
window, in a shard it is the global number. ``last_atom`` 0 is the end of the piece.
"""


def num_windows(pool_rows: int) -> int:
    """Returns the windows of a pool: a power of two, so that it stays the same when the pool changes a little."""
    return 1 << (max(1, -(-pool_rows // WINDOW_ROWS)) - 1).bit_length()


def window_of(sample: str, *, seed: int, windows: int) -> int:
    """Returns the window of a pool row."""
    return int(keyed_digest("mix window", str(seed), sample, size=8), 16) * windows >> 64


def order_of(key: str, *, seed: int) -> int:
    """Returns the place of a piece among those of its window: 63 random bits."""
    return int(keyed_digest("mix order", str(seed), key, size=8), 16) >> 1


def pieces_from_table(table: pa.Table) -> np.ndarray:
    """Returns the rows of ``mix/pieces`` as an array of ``PIECE``."""
    pieces = np.zeros(table.num_rows, dtype=PIECE)
    for name in ("order", "piece", "pieces", "n_text", "n_images", "part", "length", "offset"):
        pieces[name] = table.column(name).to_numpy()
    digits = "".join(table.column("sample").to_pylist())
    halves = np.frombuffer(bytes.fromhex(digits), dtype=">u8").reshape(-1, 2)
    pieces["sample_high"], pieces["sample_low"] = halves[:, 0], halves[:, 1]
    cuts = table.column("cuts").to_pylist()
    for number, values in enumerate(cuts):
        for place in range(len(values) // 3):
            pieces["cuts"][number, place] = tuple(values[3 * place : 3 * place + 3])
    return pieces


def to_bytes(pieces: np.ndarray, kind: SampleKind) -> bytes:
    """Returns pieces of one kind as they cross the shuffle: captions, which are never cut, without cuts."""
    return pieces[list(_KEPT)].astype(_PLAIN).tobytes() if kind is SampleKind.CAPTION else pieces.tobytes()


def from_bytes(batches: Iterable[bytes], kind: SampleKind) -> np.ndarray:
    """Returns the pieces of several ``to_bytes``, one after the other."""
    dtype = _PLAIN if kind is SampleKind.CAPTION else PIECE
    found = np.concatenate([np.frombuffer(batch, dtype=dtype) for batch in batches])
    pieces = np.zeros(len(found), dtype=PIECE)
    for name in found.dtype.names or ():
        pieces[name] = found[name]
    return pieces


def sample_key(piece: np.void) -> str:
    """Returns the key of the pool row that a piece belongs to."""
    return _key(int(piece["sample_high"]), int(piece["sample_low"]))


def plan_window(pieces: np.ndarray, *, positions: int, images: int, tokens_per_image: int) -> np.ndarray:
    """Packs the pieces of a window, and cuts some of them where that fills rows.

    Returns:
        An array of ``PLACED`` in the order of the window's rows, which is the order of each row's first hash; within
        a row in the order of the hashes. The same pieces in any order give the same array.
    """
    pieces = pieces[np.lexsort((pieces["piece"], pieces["sample_low"], pieces["sample_high"], pieces["order"]))]
    lengths = pieces["n_text"] + pieces["n_images"] * tokens_per_image
    rows = pack(
        list(zip(lengths.tolist(), pieces["n_images"].tolist(), strict=True)), positions=positions, images=images
    )
    ruler = _ruler(pieces, Limits(positions=positions, images=images, tokens_per_image=tokens_per_image))
    # Indexes follow the order of the hashes, so sorting them sorts by hash.
    parts = sorted(sorted((p.piece, p.first, p.last) for p in row) for row in fill(rows, ruler))
    return _placed(pieces, parts, ruler)


def _ruler(pieces: np.ndarray, limits: Limits) -> Ruler:
    frame = np.where(pieces["piece"] == pieces["pieces"] - 1, num_frame_tokens(0, 1), num_frame_tokens(0, 2))
    ends = {"n_text": pieces["n_text"] - frame, "n_images": pieces["n_images"]}
    columns = {}
    for name, end in ends.items():
        cuts = np.where(pieces["cuts"]["atom"] > 0, pieces["cuts"][name], end[:, None])
        columns[name] = np.concatenate([np.zeros((len(pieces), 1)), cuts, end[:, None]], axis=1).astype(np.int64)
    return Ruler(columns["n_text"], columns["n_images"], frame, limits)


def _placed(pieces: np.ndarray, rows: Sequence[Sequence[tuple[int, int, int]]], ruler: Ruler) -> np.ndarray:
    parts = np.array([part for row in rows for part in row], dtype=np.int64).reshape(-1, 3)
    sizes = [len(row) for row in rows]
    placed = np.zeros(len(parts), dtype=PLACED)
    piece, first, last = parts.T
    for name in _KEPT:
        placed[name] = pieces[name][piece]
    placed["row"] = np.repeat(np.arange(len(rows)), sizes)
    placed["place"] = np.concatenate([np.arange(size) for size in sizes]) if sizes else []
    atoms = np.concatenate([np.zeros((len(pieces), 1), dtype=np.int64), pieces["cuts"]["atom"]], axis=1)
    placed["first_atom"] = atoms[piece, first]
    placed["last_atom"] = np.where(last == ruler.end, 0, atoms[piece, np.minimum(last, atoms.shape[1] - 1)])
    positions, images = ruler.sizes(piece, first, last)
    placed["n_images"] = images
    placed["n_text"] = positions - images * ruler.limits.tokens_per_image
    counts = np.bincount(piece, minlength=len(pieces))
    order = np.lexsort((first, piece))
    placed["split"][order] = np.arange(len(parts)) - np.repeat(np.cumsum(counts) - counts, counts)
    placed["splits"] = counts[piece]
    return placed


def count_rows(placed: np.ndarray) -> int:
    """Returns the rows of a window's plan."""
    return int(placed["row"][-1]) + 1 if len(placed) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where every row of every window goes: all that a worker needs beside its window."""

    weights: Mapping[str, float]
    window_rows: Mapping[str, Sequence[int]]
    """By kind, the rows of each window."""

    max_repeats: int
    seed: int

    def pool_rows(self) -> dict[str, int]:
        """Returns the rows of each kind when each pool is used once."""
        return {kind.value: sum(self.window_rows.get(kind.value, ())) for kind in KINDS}

    def order(self) -> RowOrder | None:
        """Returns the order of the kinds; None where no kind has both rows and weight."""
        rows = self.pool_rows()
        if not any(rows[kind] and self.weights.get(kind, 0) for kind in rows):
            return None
        return RowOrder(self.weights, rows)

    def num_rows(self) -> int:
        """Returns the rows of the mixture."""
        order = self.order()
        return order.num_rows(self.pool_rows(), max_repeats=self.max_repeats) if order else 0

    def rows_of_window(self, kind: SampleKind, window: int) -> Iterator[tuple[int, int, int]]:
        """Yields ``(row in the window, repeat, global row)`` for every place where a window's rows stand.

        A repetition of a pool has its rows in another order than the one before.
        """
        order, pool = self.order(), self.pool_rows()[kind.value]
        if order is None or not order.weights[kind]:
            return
        used = order.counts(self.num_rows())[kind]
        first = sum(self.window_rows[kind.value][:window])
        for repeat in range(-(-used // pool)):
            for row in range(self.window_rows[kind.value][window]):
                index = first + row
                if repeat:
                    index = permute(index, pool, key=f"{self.seed}:repeat {repeat}:{kind.value}")
                index += repeat * pool
                if index < used:
                    yield row, repeat, order.row(kind, index)


def lay_window(placed: np.ndarray, kind: SampleKind, places: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Returns a window's pieces with their kind and global rows; a row that is repeated stands more than once.

    Args:
        placed: The window's plan.
        kind: Of all its pieces.
        places: ``(row in the window, repeat, global row)``, as ``Layout.rows_of_window`` gives them.
    """
    starts = np.searchsorted(placed["row"], np.arange(count_rows(placed) + 1))
    chosen = np.array(places, dtype=np.int64).reshape(-1, 3)
    sizes = starts[chosen[:, 0] + 1] - starts[chosen[:, 0]]
    # For each place the pieces of its row: where they start, and then one after the other.
    first = np.repeat(starts[chosen[:, 0]] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    laid: np.ndarray = placed[first + np.arange(int(sizes.sum()))]
    laid["repeat"], laid["row"] = np.repeat(chosen[:, 1], sizes), np.repeat(chosen[:, 2], sizes)
    laid["kind"] = KINDS.index(kind)
    return laid


def left_over(placed: np.ndarray, laid: np.ndarray) -> list[str]:
    """Returns the keys of the pool rows of a window of which no piece has a place, sorted."""
    return sorted(_key(high, low) for high, low in _samples(placed) - _samples(laid))


def left_over_pieces(placed: np.ndarray, laid: np.ndarray) -> list[str]:
    """Returns the pieces of a window that have no place, as ``key:piece``, sorted."""
    return sorted(f"{_key(high, low)}:{piece}" for high, low, piece in _pieces(placed) - _pieces(laid))


def count_samples(pieces: np.ndarray) -> int:
    """Returns how many pool rows the pieces belong to."""
    return len(_samples(pieces))


def count_pieces(pieces: np.ndarray) -> int:
    """Returns how many different pieces there are; one that is repeated or split counts once."""
    return len(_pieces(pieces))


def count_repeated(laid: np.ndarray) -> int:
    """Returns how many pool rows stand in the mixture more than once."""
    return count_samples(laid[laid["repeat"] > 0])


def _samples(pieces: np.ndarray) -> set[tuple[int, int]]:
    return set(zip(pieces["sample_high"].tolist(), pieces["sample_low"].tolist(), strict=True))


def _pieces(pieces: np.ndarray) -> set[tuple[int, int, int]]:
    # Splits of a piece share its spool entry: a piece has a place where one of its splits does.
    columns = (pieces[name].tolist() for name in ("sample_high", "sample_low", "piece"))
    return set(zip(*columns, strict=True))


def _key(high: int, low: int) -> str:
    return f"{high:016x}{low:016x}"
