"""Rows made up from their number: the loop without shards."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mm1_model.batch import PackedBatch, positions_from_boundaries
from mm1_model.config import ModelConfig
from mm1_model.presets import preset
from mm1_model.train.config import CheckpointSettings, HoldoutSettings, LoaderSettings, OptimizerSettings, TrainConfig
from mm1_model.train.feed import TrainingData
from schemas.samples import SampleKind

TOKENS_PER_IMAGE = 4
IMAGE = 3
VOCABULARY = 64
KINDS = tuple(kind.value for kind in SampleKind)


def network() -> ModelConfig:
    """A network of which one step takes milliseconds."""
    base = preset("debug", vocab_size=VOCABULARY, placeholder_id=IMAGE, begin_id=1, end_id=2, tokens_per_image=4)
    decoder = replace(
        base.decoder, hidden_size=32, num_heads=2, num_key_value_heads=1, head_dim=16, intermediate_size=64
    )
    values = replace(base, decoder=decoder).to_dict()
    values["vision"] |= {"image_size": 16, "width": 32}
    values["vision"]["architecture"]["vision_cfg"] |= {"image_size": 16, "width": 32, "head_width": 16, "layers": 1}
    values["connector"] |= {"kind": "average_pool", "hidden_size": 32}
    return ModelConfig.from_dict(values)


def row(number: int) -> list[tuple[str, list[int]]]:
    """Returns the samples of a row: kind and tokens. Text counts up, so it can be learnt."""
    generator = torch.Generator().manual_seed(number)
    # Among neighbours a row of text alone stands at another place each time: ranks differ in what they have.
    kind = KINDS[(number + number // 3) % 3]
    samples = []
    for _ in range(1 + number % 2):
        start = int(torch.randint(4, 24, (), generator=generator))
        text = [start + i for i in range(5 + number % 7)]
        image = [] if kind == "text" else [IMAGE] * TOKENS_PER_IMAGE
        samples.append((kind, [1, *image, *text, 2]))
    return samples


def batch_of(numbers: Sequence[int]) -> PackedBatch:
    """Returns the rows ``numbers`` as one packed batch."""
    samples = [(number, i, kind, tokens) for number in numbers for i, (kind, tokens) in enumerate(row(number))]
    lengths = [len(tokens) for *_, tokens in samples]
    boundaries = torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()], dtype=torch.int32)
    tokens_T = torch.tensor([token for *_, tokens in samples for token in tokens])
    places = (tokens_T == IMAGE).nonzero().flatten()
    mask_T = torch.ones_like(tokens_T, dtype=torch.bool)
    mask_T[:-1] = tokens_T[1:] != IMAGE
    mask_T[boundaries[1:].to(torch.int64) - 1] = False
    numbers_with_image = [number for number, _, kind, _ in samples if kind != "text"]
    images = [torch.full((3, 16, 16), 8 * number % 256, dtype=torch.uint8) for number in numbers_with_image]
    return PackedBatch(
        tokens_T=tokens_T,
        positions_T=positions_from_boundaries(boundaries),
        cu_seqlens=boundaries,
        max_seqlen=max(lengths),
        images_NCHW=torch.stack(images) if images else torch.zeros(0, 3, 16, 16, dtype=torch.uint8),
        image_positions=places,
        loss_mask_T=mask_T,
        keys=tuple(f"{number}-{i}" for number, i, _, _ in samples),
        kinds=tuple(kind for _, _, kind, _ in samples),
    )


def data() -> TrainingData:
    """Endless rows; numbers from 10,000 on are held out."""
    return TrainingData(
        train=batch_of, held_out=batch_of, holdout=range(10_000, 10_005), fingerprint={"manifest": "made up"}
    )


def config(out: Path, **changes: object) -> TrainConfig:
    """Ten steps of six rows on the CPU."""
    base = TrainConfig(
        shards="made up",
        out=str(out),
        steps=10,
        rows_per_step=6,
        micro_rows=2,
        optimizer=OptimizerSettings(learning_rate=0.01),
        checkpoint=CheckpointSettings(every=4, keep=10),
        holdout=HoldoutSettings(rows=5, every=5),
        loader=LoaderSettings(workers=0),
        device="cpu",
    )
    return replace(base, **changes)  # type: ignore[arg-type]
