"""Pooling connectors against numbers worked by hand."""

import torch

from mm1_model.config import ConnectorConfig
from mm1_model.connector.pooling import AttentionPool, AveragePool


def identity_pool(side: int) -> AveragePool:
    """Width 1 and the identity as its matrix."""
    pool = AveragePool(side, 1, 1)
    torch.nn.init.ones_(pool.projection.weight)
    torch.nn.init.zeros_(pool.projection.bias)
    return pool


def test_a_token_is_the_mean_of_its_quadrant() -> None:
    patches_BPE = torch.arange(16.0).view(1, 16, 1)

    tokens_BVD = identity_pool(2)(patches_BPE)

    # Top-left quadrant holds 0, 1, 4, 5; and so on in row-major order.
    torch.testing.assert_close(tokens_BVD.flatten(), torch.tensor([2.5, 4.5, 10.5, 12.5]))


def test_a_grid_that_does_not_divide_is_pooled_over_uneven_cells() -> None:
    patches_BPE = torch.arange(9.0).view(1, 9, 1)

    tokens_BVD = identity_pool(2)(patches_BPE)

    # 3 to 2: the cells overlap in the middle row and column: 0, 1, 3, 4 then 1, 2, 4, 5 ...
    torch.testing.assert_close(tokens_BVD.flatten(), torch.tensor([2.0, 3.0, 5.0, 6.0]))


def test_attention_pool_weighs_values_by_the_softmax_of_the_scores() -> None:
    pool = AttentionPool(ConnectorConfig(kind="attention_pool", num_tokens=1, hidden_size=2, num_heads=1), 2, 2)
    with torch.no_grad():
        for linear in (pool.query, pool.key, pool.value, pool.projection):
            linear.weight.copy_(torch.eye(2))
            linear.bias.zero_()
        pool.queries_VC.copy_(torch.tensor([[3.0, -3.0]]))
        for norm in (pool.query_norm, pool.patch_norm):
            norm.weight.fill_(1.0)
            norm.bias.zero_()

    tokens_BVD = pool(torch.tensor([[[5.0, 1.0], [0.0, 2.0]]]))

    # Norms leave q = (1, -1) and keys (1, -1), (-1, 1): scores +-2 / sqrt(2), weights by softmax.
    weight = torch.sigmoid(torch.tensor(2 * 2 / 2**0.5))
    expected = weight * torch.tensor([1.0, -1.0]) + (1 - weight) * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(tokens_BVD.flatten(), expected.detach(), atol=1e-4, rtol=0)


def test_attention_pool_equals_torchs_multihead_attention_on_copied_weights() -> None:
    torch.manual_seed(0)
    config = ConnectorConfig(kind="attention_pool", num_tokens=9, hidden_size=32, num_heads=4)
    pool = AttentionPool(config, 32, 24)
    torch.nn.init.normal_(pool.queries_VC)
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True)
    parts = (pool.query, pool.key, pool.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.weight.copy_(torch.eye(32))
        theirs.out_proj.bias.zero_()
    patches_BPE = torch.randn(2, 16, 32)

    keys = pool.patch_norm(patches_BPE)
    queries = pool.query_norm(pool.queries_VC).expand(2, -1, -1)
    expected = pool.projection(theirs(queries, keys, keys, need_weights=False)[0])
    torch.testing.assert_close(pool(patches_BPE), expected, atol=1e-5, rtol=0)
