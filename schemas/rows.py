"""The shard index, ``mix-00000.index.parquet`` beside ``mix-00000.tar``, and the tables that shards are made with."""

from dataclasses import dataclass

from schemas.samples import SampleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLine:
    """One sample of a shard, in the order of the rows. Samples of one row are neighbours: a row is one ranged read."""

    row: int
    """Global number of the training row: step s of world size W reads rows by arithmetic on it."""

    key: str
    kind: SampleKind
    offset: int
    """Byte offset in the tar of the sample's first header block."""

    length: int
    """Bytes up to the end of the padding of its last member."""

    n_text: int
    """Text tokens, with the begin and end tokens of the sample."""

    n_images: int
    n_loss: int
    """Positions whose prediction counts in the loss."""

    crc32c: int
    """Castagnoli CRC (RFC 3720, appendix B.4) of the ``length`` bytes."""

    forgotten: bool = False
    """Taken out by ``mm1 forget``: its positions stay in the row, masked, so that no other row moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One row of ``mix/pieces/part-*.parquet``: a sample, or one part of a document that is longer than a row."""

    key: str
    """Key in the shards of the sample, or of its first part, when it stands there for the first time."""

    sample: str
    """Key of the pool row."""

    kind: SampleKind
    piece: int
    pieces: int
    n_text: int
    n_images: int
    window: int
    """Packing window: which pieces are packed together. All pieces of a pool row share one."""

    order: int
    """Keyed hash, 63 bits: place among the pieces of the window before packing."""

    part: int
    """Number of the part of ``mix/spool`` that holds the finished JSON member."""

    offset: int
    length: int
    cuts: tuple[int, ...]
    """Where it may be cut further to fill a row, three numbers each: paragraphs and images, text tokens, and images
    that come before.
    """

    caption_used: str | None
    """``"alt"`` or ``"fused"`` for captions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPart:
    """One row of ``mix/split/part-*.parquet``: a part of a piece that was cut to fill rows, but for the first."""

    key: str
    """In the shards."""

    sample: str
    """Key of the pool row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMember:
    """One row of ``mix/members/part-*.parquet``: where the content of a tar member lies."""

    shard: int
    sample: int
    """Place of the sample in its shard, from 0."""

    part: str
    """The member's name after the key, for example ``"000.jpg"`` or ``"json"``."""

    offset: int
    """Byte offset of the content."""

    size: int
