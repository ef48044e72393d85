import pytest

from mm1_model.evaluation.intervals import bootstrap_mean


def test_equal_scores_leave_no_doubt() -> None:
    interval = bootstrap_mean([0.5] * 7, seed=0)

    assert (interval.mean, interval.low, interval.high, interval.count) == (0.5, 0.5, 0.5, 7)


def test_the_interval_of_a_fair_coin_is_the_binomials() -> None:
    interval = bootstrap_mean([0.0, 1.0] * 200, seed=3)

    # 400 tosses: 0.5 plus and minus 1.96 * sqrt(0.25 / 400) = 0.049.
    assert interval.mean == 0.5
    assert interval.low == pytest.approx(0.451, abs=0.006)
    assert interval.high == pytest.approx(0.549, abs=0.006)


def test_the_seed_fixes_the_draws() -> None:
    scores = [0.1, 0.9, 0.4, 0.3]

    assert bootstrap_mean(scores, seed=1) == bootstrap_mean(scores, seed=1)
    assert bootstrap_mean(scores, seed=1) != bootstrap_mean(scores, seed=2)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="empty set"):
        bootstrap_mean([], seed=0)
