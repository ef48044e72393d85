"""Samples of several rows become one packed batch."""

from collections.abc import Sequence

import numpy as np
import torch

from mm1_model.batch import PackedBatch, positions_from_boundaries
from mm1_model.data.rows import RowSample


def collate(samples: Sequence[RowSample], *, image_token: int, image_size: int) -> PackedBatch:
    """Returns samples as one flat sequence, in their order.

    Args:
        samples: At least one.
        image_token: Id of the placeholder.
        image_size: Side of the images in pixels, for batches without any.
    """
    if not samples:
        raise ValueError("a batch needs at least one sample")
    lengths = [len(sample.tokens_L) for sample in samples]
    cu_seqlens = torch.zeros(len(samples) + 1, dtype=torch.int32)
    cu_seqlens[1:] = torch.tensor(lengths, dtype=torch.int32).cumsum(0)
    tokens_T = torch.from_numpy(np.concatenate([sample.tokens_L for sample in samples]))
    images = [image for sample in samples for image in sample.images_N3SS]
    return PackedBatch(
        tokens_T=tokens_T,
        positions_T=positions_from_boundaries(cu_seqlens),
        cu_seqlens=cu_seqlens,
        max_seqlen=max(lengths),
        images_NCHW=torch.stack(images) if images else torch.zeros(0, 3, image_size, image_size, dtype=torch.uint8),
        image_positions=(tokens_T == image_token).nonzero().flatten(),
        loss_mask_T=torch.from_numpy(np.concatenate([sample.loss_mask_L for sample in samples])),
        keys=tuple(sample.key for sample in samples),
        kinds=tuple(sample.kind for sample in samples),
    )
