"""Visual tokens stand where the placeholders stood."""

import pytest
import torch

from mm1_model.fusion import fuse, image_ids


def test_visual_tokens_take_their_places_image_after_image() -> None:
    embeddings_TD = torch.arange(6.0).unsqueeze(1)
    visual_NVD = torch.tensor([[[10.0], [11.0]], [[20.0], [21.0]]])

    fused_TD = fuse(embeddings_TD, visual_NVD, torch.tensor([1, 2, 4, 5]))

    assert fused_TD.flatten().tolist() == [0, 10, 11, 3, 20, 21]


def test_gradients_reach_text_and_images_and_no_placeholder() -> None:
    embeddings_TD = torch.ones(3, 1, requires_grad=True)
    visual_NVD = torch.ones(1, 1, 1, requires_grad=True)

    fused_TD = fuse(embeddings_TD, visual_NVD, torch.tensor([1]))
    weighted = (fused_TD * torch.tensor([[2.0], [3.0], [5.0]])).sum()
    text_TD, images_NVD = torch.autograd.grad(weighted, (embeddings_TD, visual_NVD))

    assert text_TD.flatten().tolist() == [2, 0, 5]
    assert images_NVD.flatten().tolist() == [3]


@pytest.mark.parametrize("places", [[0], [0, 1, 2]])
def test_a_mismatch_stops_with_both_numbers(places: list[int]) -> None:
    message = f"{len(places)} placeholders, but 1 images of 2 tokens give 2 visual tokens"

    with pytest.raises(ValueError, match=message):
        fuse(torch.zeros(4, 1), torch.zeros(1, 2, 1), torch.tensor(places))


def test_visual_tokens_are_cast_to_the_texts_type() -> None:
    fused_TD = fuse(torch.zeros(2, 1, dtype=torch.bfloat16), torch.ones(1, 1, 1), torch.tensor([1]))

    assert fused_TD.dtype == torch.bfloat16


def test_image_ids_number_the_images_and_leave_text_out() -> None:
    assert image_ids(6, torch.tensor([1, 2, 4, 5]), 2).tolist() == [-1, 0, 0, -1, 1, 1]
