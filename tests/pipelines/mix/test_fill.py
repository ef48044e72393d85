"""Filling rows by cutting: nothing lost, limits kept, and full rows where whole documents would leave them empty."""

import numpy as np
import pytest

from pipelines.mix import plan

LIMITS = {"positions": 4096, "images": 16, "tokens_per_image": 144}


def documents(count: int, n_text: int, n_images: int = 0, spread: int = 0) -> np.ndarray:
    """Documents of about one length, each with as many even cuts as a piece may have."""
    rng = np.random.default_rng(4)
    pieces = np.zeros(count, dtype=plan.PIECE)
    pieces["order"] = rng.integers(0, 2**62, count)
    pieces["sample_low"] = np.arange(count)
    pieces["pieces"] = 1
    pieces["n_text"] = n_text + rng.integers(0, spread + 1, count)
    pieces["n_images"] = n_images
    for cut in range(plan.MAX_CUTS):
        pieces["cuts"]["atom"][:, cut] = cut + 1
        pieces["cuts"]["n_text"][:, cut] = (pieces["n_text"] - 2) * (cut + 1) // (plan.MAX_CUTS + 1)
        pieces["cuts"]["n_images"][:, cut] = n_images * (cut + 1) // (plan.MAX_CUTS + 1)
    return pieces


def share_empty(placed: np.ndarray) -> float:
    used = int((placed["n_text"] + placed["n_images"] * 144).sum())
    return 1 - used / (4096 * plan.count_rows(placed))


@pytest.mark.parametrize(
    ("n_text", "n_images", "spread"), [(2760, 0, 400), (2100, 0, 0), (1500, 5, 300), (2500, 1, 100), (2600, 2, 900)]
)
def test_documents_of_like_length_leave_less_than_two_percent_empty(n_text: int, n_images: int, spread: int) -> None:
    pieces = documents(400, n_text, n_images, spread)
    placed = plan.plan_window(pieces, **LIMITS)

    assert share_empty(placed) < 0.02
    assert np.bincount(placed["row"], weights=placed["n_text"] + placed["n_images"] * 144).max() <= 4096
    assert np.bincount(placed["row"], weights=placed["n_images"]).max() <= 16


def test_splits_of_a_document_are_all_of_it_in_order() -> None:
    pieces = documents(200, 2760, 3, 300)
    placed = plan.plan_window(pieces, **LIMITS)

    assert (placed["splits"] > 1).any()
    for sample in range(200):
        mine = np.sort(placed[placed["sample_low"] == sample], order="split")
        assert mine["split"].tolist() == list(range(int(mine["splits"][0])))
        assert mine["first_atom"].tolist() == [0, *mine["last_atom"][:-1].tolist()]
        assert mine["last_atom"][-1] == 0
        # Every split but the first has one more begin token than the document.
        assert mine["n_text"].sum() == pieces["n_text"][sample] + len(mine) - 1
        assert mine["n_images"].sum() == 3


def test_documents_that_pack_well_are_left_whole() -> None:
    pieces = documents(400, 1010, 0, 10)

    assert (plan.plan_window(pieces, **LIMITS)["splits"] == 1).all()


def test_what_cannot_be_cut_stays_whole() -> None:
    pieces = documents(50, 2760)
    pieces["cuts"] = 0
    placed = plan.plan_window(pieces, **LIMITS)

    assert plan.count_rows(placed) == 50
    assert (placed["splits"] == 1).all()


def test_the_order_of_the_pieces_does_not_show() -> None:
    pieces = documents(150, 2760, 1, 200)
    shuffled = pieces[np.random.default_rng(9).permutation(150)]

    assert plan.plan_window(shuffled, **LIMITS).tobytes() == plan.plan_window(pieces, **LIMITS).tobytes()
