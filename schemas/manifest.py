"""``RUN/shards/manifest.json``: what the shards hold. Written last; readers trust no shard it does not name."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas.json_form import to_json

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
    rows: dict[str, int]
    """By kind."""

    samples: dict[str, int]
    text_tokens: dict[str, int]
    images: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole set of shards."""

    version: int = MANIFEST_VERSION
    recipe_fingerprint: str
    """Digest of the recipe's mixture settings and seed."""

    tokenizer: str
    """File name of the tokenizer beside the manifest: ``"tokenizer.json"``."""

    tokenizer_sha256: str
    special_tokens: Mapping[str, int]
    """Ids of ``<pad>``, ``<bos>``, ``<eos>`` and ``<image>`` (``schemas.row_layout``)."""

    seed: int
    """Seed of the order; epochs after the first permute with it."""

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

    pool_rows: Mapping[str, int]
    """Rows that each pool packs into when it is used once. The weight of a kind with none went to the others."""

    left_over: Mapping[str, int]
    """Samples of each pool that the mixture had no place for."""

    repeated: Mapping[str, int]
    """How many samples of each pool stand in the shards more than once."""

    capped_positions: Mapping[str, int]
    """Positions left empty in rows that hold ``images_per_row`` images: what the image cap costs."""

    forgotten: Mapping[str, int] = field(default_factory=dict)
    """How many samples of each kind ``mm1 forget`` took out. The other numbers stay those of the plan: the positions
    of a forgotten sample are still there, masked.
    """

    digest: str = ""
    """sha256 of the JSON form of all the other fields (``sealed``): a value changed by hand shows."""

    def n_rows(self) -> int:
        """Returns the number of training rows of all kinds."""
        return sum(self.rows.values())

    def empty_positions(self, kind: str) -> int:
        """Returns how many positions of the rows of a kind hold nothing."""
        filled = self.text_tokens.get(kind, 0) + self.images.get(kind, 0) * self.tokens_per_image
        return self.rows.get(kind, 0) * self.sequence_length - filled


def sealed(manifest: Manifest) -> Manifest:
    """Returns the manifest with the digest of its content."""
    content = to_json(replace(manifest, digest=""))
    return replace(manifest, digest=hashlib.sha256(content.encode()).hexdigest())
