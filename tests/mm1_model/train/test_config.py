from collections.abc import Callable
from dataclasses import replace

import pytest

from mm1_model.train.config import (
    CheckpointSettings,
    GuardSettings,
    HoldoutSettings,
    LoaderSettings,
    OptimizerSettings,
    TrainConfig,
    differences,
    flatten,
    trajectory,
)

CONFIG = TrainConfig(shards="shards", out="out", steps=100)


def test_the_defaults_are_the_papers() -> None:
    optimizer = CONFIG.optimizer

    assert (CONFIG.rows_per_step, optimizer.clip_norm, optimizer.final_share) == (512, 1.0, 0.1)
    assert (optimizer.beta1, optimizer.beta2, optimizer.weight_decay) == (0.9, 0.95, 0.1)
    assert replace(CONFIG, steps=200_000).warmup_steps == 2_000


def test_a_short_run_warms_up_for_a_tenth() -> None:
    assert CONFIG.warmup_steps == 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: replace(CONFIG, steps=0), "steps: must be positive, got 0"),
        (
            lambda: replace(CONFIG, out="gs://b/o"),
            "out: must be a folder on a disk that all ranks share, got 'gs://b/o'",
        ),
        (lambda: replace(CONFIG, micro_rows=-1), "micro_rows: must be positive, got -1"),
        (lambda: OptimizerSettings(beta2=1.0), r"beta2: must be in \[0, 1\), got 1.0"),
        (lambda: OptimizerSettings(learning_rate=0.0), "learning_rate: must be positive, got 0.0"),
        (lambda: OptimizerSettings(weight_decay=-0.1), "weight_decay: must not be negative, got -0.1"),
        (lambda: OptimizerSettings(final_share=1.5), r"final_share: must be in \[0, 1\], got 1.5"),
        (lambda: CheckpointSettings(keep=0), "keep: must be positive, got 0"),
        (lambda: HoldoutSettings(rows=-1), "rows: must not be negative, got -1"),
        (lambda: LoaderSettings(workers=-1), "workers: must not be negative, got -1"),
        (lambda: GuardSettings(window=0), "window: must be positive, got 0"),
        (
            lambda: replace(CONFIG, optimizer=OptimizerSettings(warmup_steps=101)),
            r"optimizer.warmup_steps: 101 is more than steps \(100\)",
        ),
    ],
)
def test_impossible_values_are_refused_with_their_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_where_a_run_is_kept_does_not_change_its_course() -> None:
    moved = replace(
        CONFIG, out="elsewhere", micro_rows=4, checkpoint=CheckpointSettings(every=7), loader=LoaderSettings(workers=0)
    )

    assert trajectory(moved) == trajectory(CONFIG)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": 1}, "seed: saved 0, now 1"),
        ({"steps": 200}, "steps: saved 100, now 200"),
        ({"rows_per_step": 8}, "rows_per_step: saved 512, now 8"),
        ({"dtype": "bfloat16"}, "dtype: saved 'float32', now 'bfloat16'"),
        ({"optimizer": OptimizerSettings(beta2=0.99)}, "optimizer.beta2: saved 0.95, now 0.99"),
        ({"holdout": HoldoutSettings(rows=1)}, "holdout.rows: saved 64, now 1"),
    ],
)
def test_what_changes_the_course_is_named(change: dict[str, object], line: str) -> None:
    other = replace(CONFIG, **change)  # type: ignore[arg-type]

    assert differences(trajectory(CONFIG), trajectory(other)) == [line]


def test_a_value_that_is_missing_on_one_side_differs() -> None:
    assert differences({"a": None}, {}) == ["a: saved None, now 'nothing'"]


def test_flatten_names_by_path() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": {}}) == {"a.b": 1, "a.c.d": 2, "e": {}}
