"""The manifest: what all shards hold, added up from their records."""

from collections.abc import Iterable, Mapping, Sequence

from schemas.manifest import Manifest, ShardRecord
from schemas.recipe import MixtureSettings
from schemas.row_layout import SpecialTokens
from schemas.samples import SampleKind

MANIFEST_NAME = "manifest.json"
TOKENIZER_NAME = "tokenizer.json"
CARD_NAME, DATASHEET_NAME, CROISSANT_NAME = "README.md", "datasheet.md", "croissant.json"
"""What lies beside the shards for people and other tools."""


def weights_by_kind(settings: MixtureSettings) -> dict[str, float]:
    """Returns the recipe's weights by the value of ``SampleKind``."""
    return {kind.value: getattr(settings.weights, kind.value) for kind in SampleKind}


def make_manifest(
    shards: Iterable[ShardRecord],
    settings: MixtureSettings,
    *,
    recipe_fingerprint: str,
    tokenizer_sha256: str,
    special: SpecialTokens,
    seed: int,
    totals: Mapping[str, int],
) -> Manifest:
    """Returns the manifest of a set of shards.

    Args:
        shards: In any order.
        settings: What they were made with.
        recipe_fingerprint: Of the job.
        tokenizer_sha256: Of the tokenizer's file.
        special: Its special tokens.
        seed: Of the order.
        totals: The job's sums: ``pool_rows.<kind>``, ``left_over.<kind>``, ``repeated.<kind>``, ``capped.<kind>``.
    """
    ordered = tuple(sorted(shards, key=lambda shard: shard.first_row))
    rows = _sum([shard.rows for shard in ordered])
    total = sum(rows.values())
    return Manifest(
        recipe_fingerprint=recipe_fingerprint,
        tokenizer=TOKENIZER_NAME,
        tokenizer_sha256=tokenizer_sha256,
        special_tokens=special.to_map(),
        seed=seed,
        sequence_length=settings.sequence_length,
        tokens_per_image=settings.tokens_per_image,
        images_per_row=settings.images_per_row,
        rows_per_shard=settings.rows_per_shard,
        weights=weights_by_kind(settings),
        shards=ordered,
        rows=rows,
        samples=_sum([shard.samples for shard in ordered]),
        text_tokens=_sum([shard.text_tokens for shard in ordered]),
        images=_sum([shard.images for shard in ordered]),
        shares={kind: n / total if total else 0.0 for kind, n in rows.items()},
        pool_rows=_named("pool_rows", totals),
        left_over=_named("left_over", totals),
        repeated=_named("repeated", totals),
        capped_positions=_named("capped", totals),
    )


def _sum(maps: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {kind.value: sum(m.get(kind.value, 0) for m in maps) for kind in SampleKind}


def _named(name: str, totals: Mapping[str, int]) -> dict[str, int]:
    return {kind.value: totals.get(f"{name}.{kind.value}", 0) for kind in SampleKind}
