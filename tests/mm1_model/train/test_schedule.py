import pytest

from mm1_model.train.schedule import learning_rate_share, mm1_learning_rate


@pytest.mark.parametrize(
    ("num_parameters", "published"),
    # MM1, table of the appendix: two digits.
    [(1.2e9, 8.6e-5), (2.9e9, 5.9e-5), (6.4e9, 4.2e-5), (30e9, 2.2e-5)],
)
def test_the_rule_gives_the_published_rates(num_parameters: float, published: float) -> None:
    rate = mm1_learning_rate(int(num_parameters))

    assert float(f"{rate:.1e}") == published


def test_the_rule_refuses_an_empty_decoder() -> None:
    with pytest.raises(ValueError, match="positive number of parameters, got 0"):
        mm1_learning_rate(0)


def test_ten_steps_by_hand() -> None:
    shares = [learning_rate_share(s, steps=10, warmup_steps=4, final_share=0.1) for s in range(10)]

    # Warm-up 1/4 .. 4/4; then 0.1 + 0.45 (1 + cos(k pi / 6)) for k = 1 .. 6.
    expected = [0.25, 0.5, 0.75, 1.0, 0.939711, 0.775, 0.55, 0.325, 0.160289, 0.1]
    assert shares == pytest.approx(expected, abs=1e-6)


def test_without_warm_up_the_first_step_is_already_on_the_cosine() -> None:
    shares = [learning_rate_share(s, steps=2, warmup_steps=0, final_share=0.0) for s in range(2)]

    assert shares == pytest.approx([0.5, 0.0])


def test_a_run_may_be_all_warm_up() -> None:
    assert learning_rate_share(2, steps=3, warmup_steps=3, final_share=0.1) == 1.0


@pytest.mark.parametrize("step", [-1, 10])
def test_a_step_outside_the_run_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match=f"step {step} is not one of the 10 steps"):
        learning_rate_share(step, steps=10, warmup_steps=1, final_share=0.1)
