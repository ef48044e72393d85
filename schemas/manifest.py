"""``RUN/shards/manifest.json``: what the shards hold. Written last; readers trust no shard it does not name."""

from collections.abc import Mapping
from dataclasses import dataclass

MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """One shard: a tar and its index."""

    name: str
    """File name of the tar, for example ``"mix-00000.tar"``."""

    n_bytes: int
    sha256: str
    index_name: str
    index_bytes: int
    index_sha256: str
    first_row: int
    rows: Mapping[str, int]
    """By kind."""

    samples: Mapping[str, int]
    text_tokens: Mapping[str, int]
    images: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole set of shards."""

    version: int = MANIFEST_VERSION
    recipe_fingerprint: str
    tokenizer: str
    """File name of the tokenizer beside the manifest: ``"tokenizer.json"``."""

    tokenizer_sha256: str
    sequence_length: int
    """Positions of a row."""

    tokens_per_image: int
    images_per_row: int
    rows_per_shard: int
    weights: Mapping[str, float]
    """The shares that the recipe asked for, by kind."""

    shards: tuple[ShardRecord, ...]
    rows: Mapping[str, int]
    samples: Mapping[str, int]
    text_tokens: Mapping[str, int]
    images: Mapping[str, int]
    shares: Mapping[str, float]
    """The share of rows that each kind has."""

    left_over: Mapping[str, int]
    """Samples of each pool that the mixture had no place for."""

    repeated: Mapping[str, int]
    """How many samples of each pool stand in the shards more than once."""

    def n_rows(self) -> int:
        """Returns the number of training rows of all kinds."""
        return sum(self.rows.values())
