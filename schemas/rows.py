"""The shard index, ``mix-00000.index.parquet`` beside ``mix-00000.tar``: a line a sample, in the order of the rows."""

from dataclasses import dataclass

from schemas.samples import SampleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLine:
    """One sample of a shard. Samples of one row are neighbours, so a row is one ranged read."""

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
