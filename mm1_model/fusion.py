"""Visual tokens take the places of the placeholders in a packed sequence.

Legend: T positions, N images, V visual tokens of an image, D the decoder's width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def fuse(embeddings_TD: Tensor, visual_NVD: Tensor, image_positions: Tensor) -> Tensor:
    """Puts the visual tokens where the placeholders are.

    Args:
        embeddings_TD: ``(T, D)`` embedded tokens.
        visual_NVD: ``(N, V, D)`` visual tokens, image after image.
        image_positions: ``(N * V,)`` int64 positions of the placeholders, in the same order.

    Returns:
        ``(T, D)``; gradients reach both inputs.

    Raises:
        ValueError: there are more or fewer placeholders than visual tokens.
    """
    features = visual_NVD.shape[0] * visual_NVD.shape[1]
    if image_positions.shape[0] != features:
        raise ValueError(
            f"the row has {image_positions.shape[0]} placeholders, but {visual_NVD.shape[0]} images"
            f" of {visual_NVD.shape[1]} tokens give {features} visual tokens"
        )
    tokens_MD = visual_NVD.flatten(0, 1).to(embeddings_TD.dtype)
    return embeddings_TD.index_copy(0, image_positions, tokens_MD)


def image_ids(num_tokens: int, image_positions: Tensor, tokens_per_image: int) -> Tensor:
    """Returns ``(T,)`` int64: the number of the image that each position belongs to, -1 for
    text.
    """
    ids_T = torch.full((num_tokens,), -1, dtype=torch.int64, device=image_positions.device)
    numbers = torch.arange(image_positions.shape[0], device=image_positions.device)
    return ids_T.index_copy(0, image_positions, numbers // tokens_per_image)
