"""The whole network: loss, isolation of packed samples, and the row without an image."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from mm1_model import grouped_matmul
from mm1_model.attention import AttentionBackend, PackedAttention
from mm1_model.config import MoEConfig
from mm1_model.model import build_model
from tests.mm1_model.examples import debug_config, debug_model, packed

IMAGE = [0, 0, 0, 0]
SAMPLE_A = [5, *IMAGE, 6, 7, 8]
SAMPLE_B = [*IMAGE, 9, 10, *IMAGE, 11, 12]


def test_the_loss_is_the_mean_over_text_that_follows_in_the_same_sample() -> None:
    model = debug_model()
    batch = packed([SAMPLE_A, SAMPLE_B], model.config)

    with torch.no_grad():
        output = model(batch)
        logits_TV = model.logits(batch)

    # A predicts 6, 7, 8 (not the image after 5); B predicts 9, 10, 11, 12 (not its second image).
    asked = [(4, 6), (5, 7), (6, 8), (11, 9), (12, 10), (17, 11), (18, 12)]
    places, targets = zip(*asked, strict=True)
    expected = F.cross_entropy(logits_TV[list(places)], torch.tensor(targets))
    assert int(output.num_loss_tokens) == 7
    torch.testing.assert_close(output.loss, expected)
    assert output.losses_T.nonzero().flatten().tolist() == list(places)


def test_z_loss_is_the_weighted_square_of_the_log_partition() -> None:
    model = debug_model()
    model.config = replace(model.config, z_loss_weight=0.5)
    batch = packed([[5, 6]], model.config)

    with torch.no_grad():
        output = model(batch)
        log_partition = model.logits(batch)[0].logsumexp(0)

    torch.testing.assert_close(output.z_loss_sum, 0.5 * log_partition**2)
    torch.testing.assert_close(output.loss, output.cross_entropy_sum + output.z_loss_sum)


EXPERTS = MoEConfig(num_experts=4, every=1)


@pytest.mark.parametrize("backend", ["sdpa", "dense", "flex"])
@pytest.mark.parametrize("moe", [None, EXPERTS, MoEConfig(num_experts=16, every=1, top_k=4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_changing_one_sample_leaves_every_logit_of_the_other_bit_equal(
    backend: AttentionBackend, moe: MoEConfig | None, dtype: torch.dtype
) -> None:
    model = debug_model(moe=moe).to(dtype)
    model.attention_backend = backend
    # Its text and its image; 60 more tokens are routed to other experts each time.
    long = [*SAMPLE_A, *range(20, 80)]
    batch = packed([long, SAMPLE_B], model.config)
    other = packed([[t + 40 if t else t for t in long], SAMPLE_B], model.config, image_seed=1)
    other = replace(other, images_NCHW=torch.cat((other.images_NCHW[:1], batch.images_NCHW[1:])))

    with torch.no_grad():
        before_TV, after_TV = model.logits(batch), model.logits(other)

    start = len(long)
    assert torch.equal(before_TV[start:], after_TV[start:])
    assert not (before_TV[:start] == after_TV[:start]).all(dim=1).any()


def test_experts_with_a_capacity_are_shared_by_the_samples_of_a_row() -> None:
    # A's tokens come first and may fill an expert that B wants: GShard's dispatch is no isolation.
    model = debug_model(moe=replace(EXPERTS, dispatch="capacity", capacity_factor=0.5))
    changed = [t + 40 if t else t for t in SAMPLE_A]

    with torch.no_grad():
        before_TV = model.logits(packed([SAMPLE_A, SAMPLE_B], model.config))
        after_TV = model.logits(packed([changed, SAMPLE_B], model.config))

    start = len(SAMPLE_A)
    assert (before_TV[start:] - after_TV[start:]).abs().max() > 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("moe", [None, EXPERTS])
def test_samples_stay_bit_equal_on_a_gpu(moe: MoEConfig | None) -> None:
    model = debug_model(moe=moe).to("cuda", torch.bfloat16)
    long = [*SAMPLE_A, *range(20, 80)]
    changed = [t + 40 if t else t for t in long]

    with torch.no_grad():
        before_TV = model.logits(packed([long, SAMPLE_B], model.config).to("cuda"))
        after_TV = model.logits(packed([changed, SAMPLE_B], model.config).to("cuda"))

    assert torch.equal(before_TV[len(long) :], after_TV[len(long) :])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=1)])
def test_a_gpu_gives_the_cpus_loss(moe: MoEConfig | None) -> None:
    model = debug_model(moe=moe)
    batch = packed([SAMPLE_A, SAMPLE_B], model.config)
    with torch.no_grad():
        on_cpu = model(batch).loss
        model.cuda()
        in_float32 = model(batch.to("cuda")).loss.cpu()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            in_bfloat16 = model(batch.to("cuda")).loss.cpu()

    torch.testing.assert_close(in_float32, on_cpu, rtol=1e-3, atol=0)  # TF32 may be on.
    torch.testing.assert_close(in_bfloat16, on_cpu, rtol=2e-2, atol=0)


def test_a_packed_sample_has_the_logits_that_it_has_alone() -> None:
    model = debug_model()
    row = packed([SAMPLE_A, SAMPLE_B], model.config)
    alone = replace(packed([SAMPLE_B], model.config), images_NCHW=row.images_NCHW[1:])

    with torch.no_grad():
        together_TV, alone_TV = model.logits(row), model.logits(alone)

    torch.testing.assert_close(together_TV[len(SAMPLE_A) :], alone_TV, atol=1e-5, rtol=0)


def test_images_change_the_text_after_them_and_nothing_before() -> None:
    model = debug_model()
    batches = [packed([SAMPLE_A], model.config, image_seed=seed) for seed in (0, 1)]

    with torch.no_grad():
        one_TV, other_TV = (model.logits(batch) for batch in batches)

    assert torch.equal(one_TV[0], other_TV[0])
    assert (one_TV[5:] - other_TV[5:]).abs().amax(1).min() > 1e-3


def test_a_row_without_images_still_reaches_every_parameter() -> None:
    model = debug_model()

    output = model(packed([[5, 6, 7]], model.config))
    output.loss.backward()

    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []
    assert all(not p.grad.any() for p in model.tower.parameters() if p.grad is not None)


def test_a_row_without_a_loss_gives_zero_and_reaches_every_parameter() -> None:
    model = debug_model()
    batch = packed([SAMPLE_A], model.config)
    batch = replace(batch, loss_mask_T=torch.zeros_like(batch.loss_mask_T))

    output = model(batch)
    output.loss.backward()

    assert output.loss.item() == 0.0
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_frozen_tower_gets_no_gradient() -> None:
    config = debug_config()
    model = build_model(replace(config, vision=replace(config.vision, frozen=True)), seed=0)

    model(packed([SAMPLE_A], model.config)).loss.backward()

    assert all(p.grad is None for p in model.tower.parameters())
    assert all(p.grad is not None for p in model.connector.parameters())


@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=1)])
def test_autocast_computes_attention_and_experts_in_bfloat16(
    moe: MoEConfig | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = debug_model(moe=moe)
    batch = packed([SAMPLE_A, SAMPLE_B], model.config)
    seen: set[torch.dtype] = set()
    attend, product = PackedAttention.attend, grouped_matmul.looped

    def watch(self: PackedAttention, *qkv: torch.Tensor) -> torch.Tensor:
        seen.update(x.dtype for x in qkv)
        return attend(self, *qkv)

    def watch_product(*operands: torch.Tensor) -> torch.Tensor:
        seen.update(x.dtype for x in operands[:2])
        return product(*operands)

    monkeypatch.setattr(PackedAttention, "attend", watch)
    monkeypatch.setattr(grouped_matmul, "looped", watch_product)
    with torch.no_grad():
        exact = model(batch).loss
        seen.clear()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(batch).loss

    assert seen == {torch.bfloat16}
    assert loss.dtype == torch.float32
    # bfloat16 keeps 8 bits; the loss of 7 tokens averages the errors of their logits.
    torch.testing.assert_close(loss, exact, rtol=2e-2, atol=0)


def test_placeholders_without_features_stop_with_both_numbers() -> None:
    model = debug_model()
    batch = packed([SAMPLE_B], model.config)
    one_image = replace(batch, images_NCHW=batch.images_NCHW[:1])

    with pytest.raises(ValueError, match=r"8 placeholders, but 1 images of 4 tokens give 4"):
        model(one_image)


def test_the_same_seed_gives_the_same_weights_and_leaves_global_randomness_alone() -> None:
    state = torch.get_rng_state()

    one, same, other = (build_model(debug_config(), seed=seed) for seed in (3, 3, 4))

    assert torch.equal(torch.get_rng_state(), state)
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


def test_tied_embeddings_are_one_parameter() -> None:
    config = debug_config()
    tied = replace(config, decoder=replace(config.decoder, tie_embeddings=True))

    model = build_model(tied, seed=0)

    assert model.head.projection.weight is model.decoder.embedding.weight
