"""Small models and packed batches that several tests share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mm1_model.batch import PackedBatch, positions_from_boundaries
from mm1_model.config import ModelConfig, MoEConfig
from mm1_model.model import MM1, build_model
from mm1_model.presets import preset


def debug_config(*, moe: MoEConfig | None = None) -> ModelConfig:
    """The debug preset with 4 visual tokens an image: rows stay short enough to look at."""
    return replace(preset("debug", vocab_size=128, tokens_per_image=4), moe=moe)


def debug_model(seed: int = 0, *, moe: MoEConfig | None = None) -> MM1:
    """A model with random weights large enough that logits differ well beyond rounding."""
    model = build_model(debug_config(moe=moe), seed=seed)
    with torch.no_grad():
        for parameter in model.decoder.layers.parameters():
            if parameter.dim() >= 2:
                parameter.mul_(4.0)
    return model


def packed(samples: Sequence[Sequence[int]], config: ModelConfig, *, image_seed: int = 0) -> PackedBatch:
    """Packs token lists; the placeholders among them get random images. All else has a loss."""
    lengths = torch.tensor([len(s) for s in samples], dtype=torch.int64)
    cu_seqlens = torch.cat((torch.zeros(1, dtype=torch.int64), lengths.cumsum(0))).to(torch.int32)
    tokens_T = torch.tensor([t for s in samples for t in s])
    image_positions = (tokens_T == config.placeholder_id).nonzero().squeeze(1)
    num_images = len(image_positions) // config.tokens_per_image
    side = config.vision.image_size
    generator = torch.Generator().manual_seed(image_seed)
    loss_mask_T = torch.ones(len(tokens_T), dtype=torch.bool)
    loss_mask_T[cu_seqlens[1:].long() - 1] = False
    loss_mask_T[:-1] &= tokens_T[1:] != config.placeholder_id
    batch = PackedBatch(
        tokens_T=tokens_T,
        positions_T=positions_from_boundaries(cu_seqlens),
        cu_seqlens=cu_seqlens,
        max_seqlen=int(lengths.max()),
        images_NCHW=torch.randint(0, 256, (num_images, 3, side, side), dtype=torch.uint8, generator=generator),
        image_positions=image_positions,
        loss_mask_T=loss_mask_T,
    )
    batch.check_values(placeholder_id=config.placeholder_id, tokens_per_image=config.tokens_per_image)
    return batch
