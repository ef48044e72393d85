import math
from dataclasses import replace

import pytest
import torch

from mm1_model.flops import forward_flops
from mm1_model.model import MM1, build_model
from mm1_model.train.cost import StepCost
from mm1_model.train.distributed import Ranks
from mm1_model.train.sums import MicroBatch, Sums, add_up, sample_digest
from tests.mm1_model.train import synthetic

ALONE = Ranks(device=torch.device("cpu"))


@pytest.fixture(scope="module")
def model() -> MM1:
    return build_model(synthetic.network(), seed=0)


def measured(model: MM1, *numbers: int) -> MicroBatch:
    batch = synthetic.batch_of(numbers)
    with torch.no_grad():
        return MicroBatch.of(batch, model(batch))


def test_parts_add_up_to_the_whole(model: MM1) -> None:
    parts = add_up([measured(model, 0), measured(model, 1, 2)])
    whole = add_up([measured(model, 0, 1, 2)])

    assert parts.mean_loss() == pytest.approx(whole.mean_loss(), rel=1e-6)
    assert parts.mean_loss_by_kind() == pytest.approx(whole.mean_loss_by_kind(), rel=1e-6)
    assert (parts.tokens, parts.loss_tokens, parts.images) == (whole.tokens, whole.loss_tokens, whole.images)
    assert (parts.samples, parts.squares, parts.samples_digest) == (whole.samples, whole.squares, whole.samples_digest)


def test_kinds_share_the_loss(model: MM1) -> None:
    sums = add_up([measured(model, 0, 1, 2)])

    assert sum(sums.loss_by_kind) == pytest.approx(sums.loss, rel=1e-5)
    assert sum(sums.loss_tokens_by_kind) == sums.loss_tokens
    assert set(sums.mean_loss_by_kind()) == {"interleaved", "caption", "text"}


def test_a_micro_batch_without_images_encodes_one(model: MM1) -> None:
    sums = add_up([measured(model, 2)])

    assert (sums.images, sums.encoded) == (0, 1)


def test_nothing_has_no_mean() -> None:
    assert math.isnan(Sums().mean_loss())
    assert Sums().mean_loss_by_kind() == {}


def test_one_rank_alone_is_the_sum_of_all(model: MM1) -> None:
    sums = add_up([measured(model, 0, 1)])

    assert sums.over_ranks(ALONE) == sums


def test_sample_digests_stay_exact_in_a_float() -> None:
    digests = [sample_digest(str(number)) for number in range(10_000)]

    assert max(digests) < 2**39
    assert int(sum(map(float, digests))) == sum(digests)


def test_the_cost_of_a_step_is_that_of_its_real_lengths(model: MM1) -> None:
    batches = [synthetic.batch_of([0, 1]), synthetic.batch_of([2])]

    cost = StepCost.of(model).of_step(add_up([measured(model, 0, 1), measured(model, 2)]))

    forward = [
        forward_flops(
            model,
            sample_lengths=batch.cu_seqlens.diff().tolist(),
            num_images=batch.num_images,
            num_loss_tokens=int(batch.loss_mask_T.sum()),
        )
        for batch in batches
    ]
    assert cost == 3 * sum(part.total for part in forward)


def test_a_frozen_tower_has_no_backward_pass() -> None:
    network = synthetic.network()
    frozen = replace(network, vision=replace(network.vision, frozen=True))

    costs = [StepCost.of(build_model(config, seed=0)).per_image for config in (network, frozen)]

    one = forward_flops(build_model(network, seed=0), sample_lengths=[1], num_images=1, num_loss_tokens=1)
    assert costs == [3 * one.tower + 3 * one.connector, one.tower + 3 * one.connector]
