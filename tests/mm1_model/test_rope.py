"""Rotary positions against angles worked by hand."""

import math

import pytest
import torch

from mm1_model.config import RopeScaling
from mm1_model.rope import inverse_frequencies, rotate, rotation


def test_frequencies_fall_geometrically() -> None:
    frequencies = inverse_frequencies(4, 100.0, None)

    # 100 ** -(0 / 4) and 100 ** -(2 / 4).
    torch.testing.assert_close(frequencies, torch.tensor([1.0, 0.1]))


def test_a_head_turns_by_position_times_frequency() -> None:
    turn = rotation(torch.tensor([3]), inverse_frequencies(4, 100.0, None), torch.float32)

    turned = rotate(torch.tensor([[[1.0, 0.0, 0.0, 2.0]]]), turn).flatten().tolist()

    # Plane (0, 2) turns (1, 0) by 3; plane (1, 3) turns (0, 2) by 0.3.
    expected = [math.cos(3), -2 * math.sin(0.3), math.sin(3), 2 * math.cos(0.3)]
    assert turned == pytest.approx(expected, abs=1e-6)


def test_a_score_depends_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 16)
    frequencies = inverse_frequencies(16, 10_000.0, None)

    def score(query_at: int, key_at: int) -> float:
        turns = [rotation(torch.tensor([p]), frequencies, torch.float32) for p in (query_at, key_at)]
        return float((rotate(q, turns[0]) * rotate(k, turns[1])).sum())

    assert score(9, 2) == pytest.approx(score(107, 100), abs=1e-4)
    assert score(9, 2) != pytest.approx(score(9, 3), abs=1e-2)


def test_positions_stay_apart_in_bfloat16() -> None:
    frequencies = inverse_frequencies(4, 10_000.0, None)

    turn = rotation(torch.tensor([1000, 1001]), frequencies, torch.bfloat16)

    # As bfloat16 numbers 1000 and 1001 are equal; their angles must not be.
    assert turn.cosines_TD[0, 0] != turn.cosines_TD[1, 0]


def test_llama_scaling_divides_long_waves_and_keeps_short_ones() -> None:
    scaling = RopeScaling(
        factor=8.0,
        low_frequency_factor=1.0,
        high_frequency_factor=4.0,
        original_max_positions=100,
    )
    plain = inverse_frequencies(64, 10_000.0, None)

    scaled = inverse_frequencies(64, 10_000.0, scaling)

    waves = 100 * plain / (2 * math.pi)
    assert torch.equal(scaled[waves > 4], plain[waves > 4])
    torch.testing.assert_close(scaled[waves < 1], plain[waves < 1] / 8)
    between = (waves > 1) & (waves < 4)
    assert between.any()
    assert ((scaled > plain / 8) & (scaled < plain))[between].all()
