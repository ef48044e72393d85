"""Reads prompts of different lengths in one packed pass and keeps their keys and values.

Legend: B prompts, T positions of all prompts together, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mm1_model.attention import packed_attention
from mm1_model.attention_backend import choose_backend
from mm1_model.batch import positions_from_boundaries
from mm1_model.fusion import image_ids
from mm1_model.generation.cache import ExtendingAttention, FillingAttention, KeyValueCache
from mm1_model.generation.prompt import Prompt
from mm1_model.model import MM1


def prefill(model: MM1, prompts: Sequence[Prompt], *, num_new: int) -> tuple[Tensor, KeyValueCache]:
    """Returns the last position's logits ``(B, V)`` and a cache with room for ``num_new`` more."""
    device = model.decoder.embedding.weight.device
    lengths = torch.tensor([len(p.tokens) for p in prompts], dtype=torch.int64)
    boundaries = torch.cat((torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)))
    cu_seqlens = boundaries.to(torch.int32).to(device)
    tokens_T = torch.tensor([t for p in prompts for t in p.tokens], device=device)
    images_NCHW = torch.cat([p.images_NCHW for p in prompts]).to(device)
    image_positions = (tokens_T == model.config.placeholder_id).nonzero().squeeze(1)
    embeddings_TD = model.embed(tokens_T, images_NCHW, image_positions)
    bidirectional = model.config.decoder.image_attention == "bidirectional"
    ids_T = None
    if bidirectional:
        ids_T = image_ids(len(tokens_T), image_positions, model.config.tokens_per_image)
    longest = int(lengths.max())
    cache = KeyValueCache(model.config.decoder, len(prompts), longest + num_new, embeddings_TD)
    cache.lengths_B = lengths.to(device)
    positions_T = positions_from_boundaries(cu_seqlens)
    packed = packed_attention(
        cu_seqlens,
        longest,
        backend=model.attention_backend
        or choose_backend(device, embeddings_TD.dtype, bidirectional_images=bidirectional),
        image_ids_T=ids_T,
    )
    sequences_T = torch.repeat_interleave(cache.lengths_B)
    context = FillingAttention(packed, cache, sequences_T, positions_T)
    hidden_TD = model.decoder(embeddings_TD, positions_T, context).hidden_TD
    last_B = (boundaries[1:] - 1).to(device)
    return model.head.logits(hidden_TD[last_B]), cache


def extend(model: MM1, cache: KeyValueCache, tokens_BQ: Tensor, *, longest: int) -> Tensor:
    """Reads Q more tokens of each sequence; returns the logits ``(B, Q, V)`` after each.

    Args:
        model: whose cache it is.
        cache: filled so far; grows by Q positions.
        tokens_BQ: text tokens.
        longest: positions of the longest sequence after this, at most the cache's capacity.
    """
    batch_size, num_new = tokens_BQ.shape
    steps_Q = torch.arange(num_new, device=tokens_BQ.device)
    positions_BQ = cache.lengths_B.unsqueeze(1) + steps_Q
    context = ExtendingAttention(cache, positions_BQ, longest)
    embeddings_TD = model.decoder.embedding(tokens_BQ.flatten())
    hidden_TD = model.decoder(embeddings_TD, positions_BQ.flatten(), context).hidden_TD
    cache.lengths_B = cache.lengths_B + num_new
    return model.head.logits(hidden_TD).view(batch_size, num_new, -1)
