"""Figures of merit, in plain numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from world.scenes import COLORS, SHAPES


def area_under_curve(right: NDArray[np.floating], wrong: NDArray[np.floating]) -> float:
    """Returns the chance that a right score is higher than a wrong one; ties count half.

    This is the area under the ROC curve (Hanley and McNeil, Radiology 143, 1982).
    """
    higher = (right[:, None] > wrong[None, :]).mean()
    equal = (right[:, None] == wrong[None, :]).mean()
    return float(higher + equal / 2)


def share_of_words(captions: Sequence[str], references: Sequence[str], words: frozenset[str]) -> float:
    """Returns the share of captions that use exactly the reference's words out of ``words``.

    Plurals count as their singular; how often a word occurs does not matter.
    """
    hits = [
        _used(caption, words) == _used(reference, words)
        for caption, reference in zip(captions, references, strict=True)
    ]
    return float(np.mean(hits))


def _used(text: str, words: frozenset[str]) -> set[str]:
    found = {word.strip(".,").lower() for word in text.split()}
    singular = {"cross" if word == "crosses" else word.removesuffix("s") for word in found}
    return (found | singular) & words


COLOR_WORDS = frozenset(COLORS)
SHAPE_WORDS = frozenset({*SHAPES, "sign"})
"""A sign counts as a shape: both say what there is."""
