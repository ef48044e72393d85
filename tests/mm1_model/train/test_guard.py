import math

import pytest

from mm1_model.train.config import GuardSettings
from mm1_model.train.guard import LossGuard

FOUR = GuardSettings(spike="skip", spike_sigmas=2.0, window=4, max_consecutive=3)


def test_one_nan_costs_one_step() -> None:
    guard = LossGuard(GuardSettings())

    verdicts = [guard.judge(loss=loss, gradient_norm=1.0).verdict for loss in (2.0, math.nan, 2.0, 2.1)]

    assert verdicts == ["take", "skip", "take", "take"]
    assert guard.history == [2.0, 2.0, 2.1]


def test_a_nan_in_the_first_step_is_skipped_too() -> None:
    assert LossGuard(FOUR).judge(loss=math.nan, gradient_norm=1.0).verdict == "skip"


@pytest.mark.parametrize("norm", [math.nan, math.inf])
def test_a_non_finite_gradient_is_skipped_and_named(norm: float) -> None:
    judgement = LossGuard(FOUR).judge(loss=2.0, gradient_norm=norm)

    assert judgement.verdict == "skip"
    assert judgement.reason == f"the gradient's norm is {norm}"


def test_so_many_in_a_row_stop_the_run() -> None:
    guard = LossGuard(FOUR)

    verdicts = [guard.judge(loss=math.inf, gradient_norm=1.0).verdict for _ in range(3)]

    assert verdicts == ["skip", "skip", "stop"]


def test_a_good_step_between_starts_the_count_again() -> None:
    guard = LossGuard(FOUR)

    losses = [math.nan, math.nan, 1.0, math.nan, math.nan]
    verdicts = [guard.judge(loss=loss, gradient_norm=1.0).verdict for loss in losses]

    assert verdicts == ["skip", "skip", "take", "skip", "skip"]


def test_a_spike_lies_above_mean_and_sigmas() -> None:
    # Of 1, 3, 1, 3 the mean is 2 and the deviation 1: the limit is 4.
    def judge(loss: float) -> str:
        return LossGuard(FOUR, history=[1.0, 3.0, 1.0, 3.0]).judge(loss=loss, gradient_norm=1.0).verdict

    assert [judge(4.0), judge(4.01)] == ["take", "skip"]


def test_a_spike_needs_half_a_window_of_history() -> None:
    guard = LossGuard(FOUR, history=[1.0])

    assert guard.judge(loss=100.0, gradient_norm=1.0).verdict == "take"


def test_a_spike_does_not_enter_the_history() -> None:
    guard = LossGuard(FOUR, history=[1.0, 1.0])

    guard.judge(loss=100.0, gradient_norm=1.0)

    assert guard.history == [1.0, 1.0]


def test_stop_stops_at_once() -> None:
    guard = LossGuard(GuardSettings(non_finite="stop"))

    assert guard.judge(loss=math.nan, gradient_norm=1.0).verdict == "stop"


def test_the_window_forgets_the_oldest() -> None:
    guard = LossGuard(FOUR, history=[1, 2, 3, 4, 5])

    guard.judge(loss=3.5, gradient_norm=1.0)

    assert guard.history == [3, 4, 5, 3.5]
