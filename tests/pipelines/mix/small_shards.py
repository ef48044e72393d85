"""From pool samples to shards without a pipeline: the functions of the job one after the other, in one process."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from tokenizers import Tokenizer

from pipelines.mix import plan
from pipelines.mix.manifest import TOKENIZER_NAME, make_manifest, weights_by_kind
from pipelines.mix.pieces import PieceMaker, planning_row, to_spool
from pipelines.mix.shards import write_shard
from pipelines.mix.tokenizer import special_tokens
from pipelines.runs import storage
from schemas.arrow import to_table
from schemas.images import ImagePointer
from schemas.json_form import to_json
from schemas.manifest import Manifest, sealed
from schemas.recipe import MixtureSettings
from schemas.rejections import Rejection
from schemas.rows import Piece
from schemas.samples import CaptionRow, PoolSample, SampleKind

SEED = 3


def write_small_shards(
    folder: pathlib.Path,
    samples: Sequence[PoolSample],
    captions: Mapping[str, CaptionRow],
    *,
    settings: MixtureSettings,
    tokenizer: Tokenizer,
    images: Mapping[str, bytes],
) -> tuple[Manifest, list[Rejection]]:
    """Plans and writes shards with their manifest; returns it, and the samples that got no piece.

    Args:
        folder: To write.
        samples: Of all kinds.
        captions: By key of the sample.
        settings: Of the mixture.
        tokenizer: With the special tokens.
        images: By the file of their pointers.
    """
    spool: list[bytes] = []
    rows: dict[SampleKind, list[Piece]] = {kind: [] for kind in SampleKind}
    rejected = []
    maker = PieceMaker(settings, tokenizer, seed=SEED)
    for sample in samples:
        made = maker.make(sample, captions.get(sample.key))
        if isinstance(made, Rejection):
            rejected.append(made)
            continue
        for piece in made:
            pointer = ImagePointer(file="spool", offset=len(spool), length=0)
            spool.append(to_spool(piece))
            rows[sample.kind].append(planning_row(piece, pool_rows=1, part=0, pointer=pointer, seed=SEED))
    laid, layout = _lay_out(rows, settings)

    def read(file: str, offset: int, _: int) -> bytes:
        return spool[offset] if file.startswith("mix/spool") else images[file]

    folder.mkdir()
    records = []
    for number in range(-(-layout.num_rows() // settings.rows_per_shard)):
        first = number * settings.rows_per_shard
        chosen = laid[(laid["row"] >= first) & (laid["row"] < first + settings.rows_per_shard)]
        records.append(write_shard(str(folder), number, chosen, first_row=first, spool_count=1, read=read).record)
    digest = storage.write_bytes(str(folder / TOKENIZER_NAME), tokenizer.to_str().encode())
    totals = {f"pool_rows.{kind}": count for kind, count in layout.pool_rows().items()}
    manifest = sealed(
        make_manifest(
            records,
            settings,
            recipe_fingerprint="",
            tokenizer_sha256=digest,
            special=special_tokens(tokenizer),
            seed=SEED,
            totals=totals,
        )
    )
    (folder / "manifest.json").write_text(to_json(manifest))
    return manifest, rejected


def _lay_out(rows: Mapping[SampleKind, list[Piece]], settings: MixtureSettings) -> tuple[np.ndarray, plan.Layout]:
    windows = {
        kind: plan.plan_window(
            plan.pieces_from_table(to_table(pieces, Piece)),
            positions=settings.sequence_length,
            images=settings.images_per_row,
            tokens_per_image=settings.tokens_per_image,
        )
        for kind, pieces in rows.items()
    }
    layout = plan.Layout(
        weights=weights_by_kind(settings),
        window_rows={kind.value: [plan.count_rows(window)] for kind, window in windows.items()},
        max_repeats=settings.max_repeats if settings.on_exhausted == "repeat" else 1,
        seed=SEED,
    )
    laid = np.concatenate(
        [plan.lay_window(window, kind, list(layout.rows_of_window(kind, 0))) for kind, window in windows.items()]
    )
    return laid[np.lexsort((laid["place"], laid["row"]))], layout
