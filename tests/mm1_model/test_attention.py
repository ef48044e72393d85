"""All backends give what a dense mask gives, in values and in gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mm1_model.attention import (
    AttentionBackend,
    PackedAttention,
    packed_attention,
)

LENGTHS = [7, 1, 33, 12]
TOTAL = sum(LENGTHS)
CU_SEQLENS = torch.tensor([0, 7, 8, 41, 53], dtype=torch.int32)

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
quiet_flex = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")


def heads(
    key_value_heads: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(  # type: ignore[return-value]
        torch.randn(TOTAL, count, 32, generator=generator).to(device, dtype).requires_grad_()
        for count in (4, key_value_heads, key_value_heads)
    )


def context(backend: AttentionBackend, device: str = "cpu", image_ids_T: Tensor | None = None) -> PackedAttention:
    return packed_attention(CU_SEQLENS.to(device), max(LENGTHS), backend=backend, image_ids_T=image_ids_T)


def images() -> Tensor:
    """Positions 10 to 13 and 14 to 17 are two neighbouring images of the third sample."""
    ids_T = torch.full((TOTAL,), -1)
    ids_T[10:14], ids_T[14:18] = 0, 1
    return ids_T


def by_hand(q_THD: Tensor, k_THD: Tensor, v_THD: Tensor, image_ids_T: Tensor | None) -> Tensor:
    """Every pair of positions, one by one."""
    sample_T = torch.repeat_interleave(torch.tensor(LENGTHS))
    out = torch.zeros(TOTAL, 4, 32)
    for t in range(TOTAL):
        seen = [
            s
            for s in range(TOTAL)
            if sample_T[s] == sample_T[t]
            and (s <= t or (image_ids_T is not None and image_ids_T[t] >= 0 and image_ids_T[s] == image_ids_T[t]))
        ]
        scores = torch.einsum("hd,shd->hs", q_THD[t], k_THD[seen]) / 32**0.5
        out[t] = torch.einsum("hs,shd->hd", scores.softmax(1), v_THD[seen])
    return out


@quiet_flex
@pytest.mark.parametrize("backend", ["dense", "sdpa", "flex"])
@pytest.mark.parametrize("with_images", [False, True])
def test_backends_equal_attention_worked_pair_by_pair(backend: AttentionBackend, with_images: bool) -> None:
    ids_T = images() if with_images else None
    q, k, v = (x.detach() for x in heads(4))

    with torch.no_grad():
        got = context(backend, image_ids_T=ids_T).attend(q, k, v)
        wanted = by_hand(q, k, v, ids_T)

    torch.testing.assert_close(got, wanted, atol=2e-6, rtol=1e-5)


@quiet_flex
@pytest.mark.parametrize("backend", ["sdpa", "flex"])
@pytest.mark.parametrize("key_value_heads", [1, 2])
def test_grouped_queries_share_their_keys_in_order(backend: AttentionBackend, key_value_heads: int) -> None:
    q, k, v = (x.detach() for x in heads(key_value_heads))
    repeats = 4 // key_value_heads

    with torch.no_grad():
        got = context(backend).attend(q, k, v)
        wide = [x.repeat_interleave(repeats, dim=1) for x in (k, v)]
        wanted = by_hand(q, wide[0], wide[1], None)

    torch.testing.assert_close(got, wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("with_images", [False, True])
@pytest.mark.parametrize("key_value_heads", [4, 2])
def test_sdpas_gradients_equal_the_dense_masks(with_images: bool, key_value_heads: int) -> None:
    ids_T = images() if with_images else None
    weights = torch.randn(TOTAL, 4, 32, generator=torch.Generator().manual_seed(1))
    gradients = []

    for backend in ("sdpa", "dense"):
        inputs = heads(key_value_heads)
        out = context(backend, image_ids_T=ids_T).attend(*inputs)
        gradients.append(torch.autograd.grad((out * weights).sum(), inputs))

    for mine, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, reference, atol=5e-6, rtol=1e-5)


@quiet_flex
@pytest.mark.parametrize("backend", ["sdpa", "dense", "flex"])
def test_a_changed_sample_leaves_its_neighbours_bit_equal(backend: AttentionBackend) -> None:
    q, k, v = (x.detach() for x in heads(2))
    before = context(backend).attend(q, k, v)
    for x in (q, k, v):
        x[8:41] = torch.randn(33, *x.shape[1:]) * 100

    after = context(backend).attend(q, k, v)

    assert torch.equal(before[:8], after[:8])
    assert torch.equal(before[41:], after[41:])
    assert not torch.equal(before[8:41], after[8:41])


def test_varlen_refuses_a_mask() -> None:
    with pytest.raises(ValueError, match="'varlen' has no masks"):
        context("varlen", image_ids_T=images())


@needs_cuda
@pytest.mark.parametrize("backend", ["varlen", "flex", "sdpa"])
@pytest.mark.parametrize("key_value_heads", [4, 2])
def test_cuda_backends_equal_the_dense_mask(backend: AttentionBackend, key_value_heads: int) -> None:
    results = []
    for each in (backend, "dense"):
        inputs = heads(key_value_heads, "cuda", torch.bfloat16)
        out = context(each, "cuda").attend(*inputs)
        results.append((out, *torch.autograd.grad(out.float().square().sum(), inputs)))

    # bfloat16 has 8 bits of mantissa; probabilities and sums are rounded in another order.
    for mine, reference in zip(*results, strict=True):
        torch.testing.assert_close(mine, reference, atol=3e-2, rtol=3e-2)


@needs_cuda
@pytest.mark.parametrize("backend", ["varlen", "flex"])
def test_cuda_neighbours_stay_bit_equal(backend: AttentionBackend) -> None:
    q, k, v = (x.detach() for x in heads(2, "cuda", torch.bfloat16))
    before = context(backend, "cuda").attend(q, k, v)
    for x in (q, k, v):
        x[8:41] *= -3

    after = context(backend, "cuda").attend(q, k, v)

    assert torch.equal(before[:8], after[:8])
    assert torch.equal(before[41:], after[41:])
