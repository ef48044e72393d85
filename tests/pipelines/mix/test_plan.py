"""The plan: exact shares, one place for every piece, and little change where little changes."""

import numpy as np
import pytest

from benchmarks.mix_plan import make_pieces
from pipelines.mix import plan
from schemas.samples import SampleKind

LIMITS = {"positions": 4096, "images": 16, "tokens_per_image": 144}


def documents(count: int, seed: int = 1) -> np.ndarray:
    return make_pieces(SampleKind.INTERLEAVED, count, np.random.default_rng(seed))


def test_the_order_of_the_pieces_does_not_show() -> None:
    pieces = documents(500)
    shuffled = pieces[np.random.default_rng(9).permutation(500)]

    assert plan.plan_window(shuffled, **LIMITS).tobytes() == plan.plan_window(pieces, **LIMITS).tobytes()


def test_every_piece_has_one_place_and_rows_keep_their_limits() -> None:
    placed = plan.plan_window(documents(800), **LIMITS)
    rows = np.unique(placed["row"])
    images = np.bincount(placed["row"], weights=placed["n_images"])
    positions = np.bincount(placed["row"], weights=placed["n_text"] + placed["n_images"] * 144)

    assert rows.tolist() == list(range(plan.count_rows(placed)))
    assert len({tuple(p) for p in placed[["sample_high", "sample_low", "piece"]].tolist()}) == 800
    assert images.max() <= 16
    assert positions.max() <= 4096


def layout(rows: dict[str, list[int]], **changes: object) -> plan.Layout:
    values: dict[str, object] = {
        "weights": {"interleaved": 0.45, "caption": 0.45, "text": 0.1},
        "window_rows": rows,
        "max_repeats": 1,
        "seed": 5,
    }
    return plan.Layout(**{**values, **changes})  # type: ignore[arg-type]


def places(made: plan.Layout) -> list[int]:
    return [
        number
        for kind in SampleKind
        for window in range(len(made.window_rows[kind.value]))
        for _, _, number in made.rows_of_window(kind, window)
    ]


@pytest.mark.parametrize("max_repeats", [1, 4])
def test_windows_together_fill_every_row_of_the_mixture_once(max_repeats: int) -> None:
    made = layout({"interleaved": [30, 25], "caption": [70, 3, 11], "text": [6]}, max_repeats=max_repeats)

    assert sorted(places(made)) == list(range(made.num_rows()))


def test_a_repeated_pool_stands_in_another_order() -> None:
    made = layout({"interleaved": [90], "caption": [90], "text": [5]}, max_repeats=4)
    rows = list(made.rows_of_window(SampleKind.TEXT, 0))
    by_repeat = [[row for row, repeat, _ in sorted(rows, key=lambda r: r[2]) if repeat == n] for n in (0, 1)]

    assert by_repeat[0] == [0, 1, 2, 3, 4]
    assert sorted(by_repeat[1]) == by_repeat[0] != by_repeat[1]


def test_a_change_in_one_window_that_keeps_its_rows_moves_nothing_else() -> None:
    windows = [documents(300, seed) for seed in range(3)]
    before = [plan.plan_window(window, **LIMITS) for window in windows]
    changed = windows[1].copy()
    changed["n_text"][7] -= 1
    after = plan.plan_window(changed, **LIMITS)

    assert plan.count_rows(after) == plan.count_rows(before[1])
    made = layout({"interleaved": [plan.count_rows(b) for b in before], "caption": [500], "text": [100]})
    again = layout(
        {"interleaved": [plan.count_rows(p) for p in (before[0], after, before[2])], "caption": [500], "text": [100]}
    )
    for window in (0, 2):
        assert list(made.rows_of_window(SampleKind.INTERLEAVED, window)) == list(
            again.rows_of_window(SampleKind.INTERLEAVED, window)
        )


@pytest.mark.parametrize(("rows", "windows"), [(0, 1), (1, 1), (16_384, 1), (16_385, 2), (60_000, 4), (2_000_000, 128)])
def test_windows_grow_in_powers_of_two(rows: int, windows: int) -> None:
    assert plan.num_windows(rows) == windows


def test_samples_spread_evenly_over_windows() -> None:
    counts = np.bincount([plan.window_of(f"{n:032x}", seed=1, windows=8) for n in range(8000)], minlength=8)

    assert counts.min() > 850
    assert counts.max() < 1150
