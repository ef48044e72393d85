"""A packed micro-batch says what it holds, and refuses what contradicts itself."""

from dataclasses import replace

import pytest
import torch

from mm1_model.batch import PackedBatch, positions_from_boundaries

PLACEHOLDER = 9


def two_samples() -> PackedBatch:
    """``<image> a b`` with two tokens an image, then ``c d``."""
    return PackedBatch(
        tokens_T=torch.tensor([PLACEHOLDER, PLACEHOLDER, 1, 2, 3, 4]),
        positions_T=torch.tensor([0, 1, 2, 3, 0, 1]),
        cu_seqlens=torch.tensor([0, 4, 6], dtype=torch.int32),
        max_seqlen=4,
        images_NCHW=torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
        image_positions=torch.tensor([0, 1]),
        loss_mask_T=torch.tensor([False, True, True, False, True, False]),
        keys=("a", "b"),
    )


def check(batch: PackedBatch) -> None:
    batch.check_values(placeholder_id=PLACEHOLDER, tokens_per_image=2)


def test_a_sound_batch_passes_and_counts_itself() -> None:
    batch = two_samples()

    check(batch)
    assert (batch.num_tokens, batch.num_samples, batch.num_images) == (6, 2, 1)


def test_positions_restart_at_each_boundary() -> None:
    positions_T = positions_from_boundaries(torch.tensor([0, 3, 4, 6], dtype=torch.int32))

    assert positions_T.tolist() == [0, 1, 2, 0, 0, 1]


def test_wrong_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"cu_seqlens must be torch.int32 .* got torch.int64"):
        replace(two_samples(), cu_seqlens=torch.tensor([0, 6]))


def test_lengths_that_differ_are_named() -> None:
    with pytest.raises(ValueError, match="loss_mask_T has 2 positions, tokens_T has 6"):
        replace(two_samples(), loss_mask_T=torch.tensor([True, False]))


def test_keys_are_one_a_sample() -> None:
    with pytest.raises(ValueError, match="keys has 1 entries for 2 samples"):
        replace(two_samples(), keys=("a",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cu_seqlens": torch.tensor([0, 4, 5], dtype=torch.int32)}, "run from 0 to 6"),
        ({"cu_seqlens": torch.tensor([0, 6, 6], dtype=torch.int32)}, "increase strictly"),
        ({"max_seqlen": 5}, "max_seqlen is 5, the longest sample has 4"),
        ({"positions_T": torch.tensor([0, 1, 2, 3, 4, 5])}, r"positions_T\[4\] is 4, must be 0"),
        (
            {"images_NCHW": torch.zeros(2, 3, 8, 8, dtype=torch.uint8)},
            "2 placeholders, but 2 images of 2 tokens give 4 features",
        ),
        ({"image_positions": torch.tensor([1, 0])}, "not the positions of the placeholders"),
        (
            {"loss_mask_T": torch.tensor([False, True, True, True, True, False])},
            "last position of a sample",
        ),
        (
            {"loss_mask_T": torch.tensor([True, True, True, False, True, False])},
            "prediction of a visual token",
        ),
    ],
)
def test_a_contradiction_is_refused(change: dict[str, object], message: str) -> None:
    batch = replace(two_samples(), **change)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=message):
        check(batch)
