"""Attention within the samples of a packed sequence: one interface, four backends.

Legend: T positions, S samples, H query heads, K key-value heads, D features of a head.

- ``varlen``: flash attention over sample boundaries, without a mask. CUDA, bfloat16 or float16.
- ``flex``: compiled masks, for visual tokens that see their whole image. CUDA; forward on the CPU.
- ``sdpa``: one fused call a sample; 3 to 28 times less work than a mask. Anywhere.
- ``dense``: a T x T mask; the reference of the tests. Anywhere.

A sample's bits do not depend on its neighbours' values with any of them. ``attention_backend.py``
chooses one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.nn.attention.varlen import varlen_attn

from mm1_model.eager import uncompiled

AttentionBackend = Literal["varlen", "sdpa", "flex", "dense"]

_CAUSAL_WINDOW = (-1, 0)

_NO_SPLIT = 1
"""Keys are not divided among thread blocks: that would depend on the longest sample of the row, and
so change the bits of all others.
"""

_Flex = Callable[..., Tensor]


class AttentionContext(Protocol):
    """What a decoder layer asks for its attention: packed training rows, or a key-value cache.

    Layers ask in order and know no number of their own: a number would make each of them another
    program to the compiler.
    """

    def attend(self, q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor) -> Tensor:
        """Returns ``(T, H, D)``: the values that each query sees, weighted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedAttention:
    """Which position sees which in a packed sequence. Made once a forward, used by all layers."""

    backend: AttentionBackend
    cu_seqlens: Tensor
    """``(S + 1,)`` int32 boundaries, on the device."""

    max_seqlen: int
    lengths: tuple[int, ...] = ()
    """``sdpa``: positions of each sample."""

    image_masks: tuple[Tensor | None, ...] = ()
    """``sdpa``: the ``(length, length)`` mask of each sample with images that see themselves."""

    mask_TT: Tensor | None = None
    """``dense``: True where the query (row) sees the key (column)."""

    block_mask: BlockMask | None = None
    """``flex``."""

    def attend(self, q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor) -> Tensor:
        """See ``AttentionContext``."""
        return _BACKENDS[self.backend](q_THD, k_TKD, v_TKD, self)


def packed_attention(
    cu_seqlens: Tensor,
    max_seqlen: int,
    *,
    backend: AttentionBackend,
    image_ids_T: Tensor | None = None,
) -> PackedAttention:
    """Prepares attention for one packed sequence.

    Args:
        cu_seqlens: ``(S + 1,)`` int32 boundaries of the samples.
        max_seqlen: positions of the longest sample.
        backend: see the list at the top of this file.
        image_ids_T: None for causal attention; else the number of the image that a position belongs
            to and -1 for text: positions of one image also see each other.

    Raises:
        ValueError: ``varlen`` was asked to let images see themselves, which it cannot.
    """
    common: dict[str, Any] = {
        "backend": backend,
        "cu_seqlens": cu_seqlens,
        "max_seqlen": max_seqlen,
    }
    if backend == "varlen":
        if image_ids_T is not None:
            raise ValueError("backend 'varlen' has no masks; bidirectional images need 'flex'")
        return PackedAttention(**common)
    if backend == "sdpa":
        lengths = tuple(cu_seqlens.diff().tolist())
        masks = _sample_masks(lengths, image_ids_T)
        return PackedAttention(**common, lengths=lengths, image_masks=masks)
    starts_T = _sample_starts(cu_seqlens)
    if backend == "dense":
        return PackedAttention(**common, mask_TT=_dense_mask(starts_T, image_ids_T))
    return PackedAttention(**common, block_mask=_block_mask(starts_T, image_ids_T))


def _sample_starts(cu_seqlens: Tensor) -> Tensor:
    boundaries = cu_seqlens.to(torch.int64)
    return torch.repeat_interleave(boundaries[:-1], boundaries.diff())


def _dense_mask(starts_T: Tensor, image_ids_T: Tensor | None) -> Tensor:
    t = torch.arange(starts_T.shape[0], device=starts_T.device)
    mask_TT = (t[None, :] >= starts_T[:, None]) & (t[None, :] <= t[:, None])
    if image_ids_T is not None:
        mask_TT |= (image_ids_T[:, None] == image_ids_T[None, :]) & (image_ids_T[:, None] >= 0)
    return mask_TT


def _sample_masks(lengths: tuple[int, ...], image_ids_T: Tensor | None) -> tuple[Tensor | None, ...]:
    if image_ids_T is None:
        return (None,) * len(lengths)
    masks: list[Tensor | None] = []
    for ids in torch.split(image_ids_T, list(lengths)):
        has_image = bool((ids >= 0).any())
        masks.append(_dense_mask(torch.zeros_like(ids), ids) if has_image else None)
    return tuple(masks)


def _block_mask(starts_T: Tensor, image_ids_T: Tensor | None) -> BlockMask:
    def causal(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        # Comparing with the sample's start is cheaper than comparing two sample numbers.
        return (starts_T[query] <= key) & (key <= query)

    def with_images(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        ids = cast(Tensor, image_ids_T)
        same_image = (ids[query] == ids[key]) & (ids[query] >= 0)
        return causal(batch, head, query, key) | same_image

    mask = causal if image_ids_T is None else with_images
    num_tokens = starts_T.shape[0]
    make = _compiled_block_mask() if starts_T.is_cuda else create_block_mask
    return make(mask, None, None, num_tokens, num_tokens, device=starts_T.device)


@lru_cache(maxsize=1)
def _compiled_block_mask() -> Callable[..., BlockMask]:
    return cast(Callable[..., BlockMask], torch.compile(create_block_mask))


@lru_cache(maxsize=1)
def _compiled_flex_attention() -> _Flex:
    return cast(_Flex, torch.compile(flex_attention))


def _varlen(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
    out_THD = varlen_attn(
        q_THD,
        k_TKD,
        v_TKD,
        packed.cu_seqlens,
        packed.cu_seqlens,
        packed.max_seqlen,
        packed.max_seqlen,
        window_size=_CAUSAL_WINDOW,
        num_splits=_NO_SPLIT,
        enable_gqa=q_THD.shape[1] != k_TKD.shape[1],
    )
    return cast(Tensor, out_THD)


# A compiled layer would be compiled again for every division of a row.
@uncompiled
def _sdpa(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
    k_THD, v_THD = _repeat_heads(k_TKD, q_THD), _repeat_heads(v_TKD, q_THD)
    lengths = list(packed.lengths)
    samples = zip(
        torch.split(q_THD, lengths),
        torch.split(k_THD, lengths),
        torch.split(v_THD, lengths),
        packed.image_masks,
        strict=True,
    )
    outs = [_attend_heads_first(q, k, v, mask) for q, k, v, mask in samples]
    return torch.cat(outs) if outs else torch.empty_like(q_THD)


def _dense(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
    k_THD, v_THD = _repeat_heads(k_TKD, q_THD), _repeat_heads(v_TKD, q_THD)
    return _attend_heads_first(q_THD, k_THD, v_THD, packed.mask_TT)


@uncompiled
def _flex(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
    attend = _compiled_flex_attention() if q_THD.is_cuda else cast(_Flex, flex_attention)
    q, k, v = (heads.transpose(0, 1).unsqueeze(0) for heads in (q_THD, k_TKD, v_TKD))
    enable_gqa = q_THD.shape[1] != k_TKD.shape[1]
    out = attend(q, k, v, block_mask=packed.block_mask, enable_gqa=enable_gqa)
    return out.squeeze(0).transpose(0, 1)


def _attend_heads_first(q_THD: Tensor, k_THD: Tensor, v_THD: Tensor, mask: Tensor | None) -> Tensor:
    q, k, v = (heads.transpose(0, 1).unsqueeze(0) for heads in (q_THD, k_THD, v_THD))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    return out.squeeze(0).transpose(0, 1)


def _repeat_heads(heads_TKD: Tensor, like_THD: Tensor) -> Tensor:
    # SDPA's own enable_gqa leaves the fused kernels on the CPU.
    repeats = like_THD.shape[1] // heads_TKD.shape[1]
    return heads_TKD if repeats == 1 else heads_TKD.repeat_interleave(repeats, dim=1)


_BACKENDS: dict[AttentionBackend, Callable[[Tensor, Tensor, Tensor, PackedAttention], Tensor]] = {
    "varlen": _varlen,
    "sdpa": _sdpa,
    "flex": _flex,
    "dense": _dense,
}
