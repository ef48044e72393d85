"""The optional corpus of real pages, images and archives: tests that use it skip, with a reason, where it is absent."""

import os
import pathlib

import pytest

CORPUS = pathlib.Path(os.environ.get("MM1_CORPUS") or pathlib.Path(__file__).parents[2] / "shared" / "data")
"""``MM1_CORPUS``, or ``shared/data`` beside the checkout."""


def corpus_path(*parts: str) -> pathlib.Path:
    """Returns a path of the corpus; skips the test where the corpus is not there."""
    path = CORPUS.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the corpus of real data is absent: {path} (set MM1_CORPUS)")
    return path
