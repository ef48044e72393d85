"""The score of pages of several types, on pages worked by hand."""

import gzip
import json
import pathlib

import pytest

from benchmarks.extraction import Extracted
from benchmarks.page_types import read_typed_pages, score_types, score_words


def test_words_count_as_often_as_they_stand_there() -> None:
    # Of four words found three are right; of six expected three are found.
    assert score_words("The pump, the pump!", "the pump moves the water up") == pytest.approx((0.75, 0.5, 0.6))


def test_nothing_found_is_right_where_nothing_was_to_be_found() -> None:
    assert score_words("", "") == (1, 1, 1)
    assert score_words("words", "") == score_words("", "words") == (0, 0, 0)
    assert score_words("words", "others") == (0, 0, 0)


def test_each_page_weighs_the_same_in_its_type(tmp_path: pathlib.Path) -> None:
    (tmp_path / "dev" / "ground-truth").mkdir(parents=True)
    (tmp_path / "dev" / "html").mkdir()
    for name, kind, truth in (("1", "forum", "one two"), ("2", "category", "one"), ("3", "forum", "three")):
        row = {"_internal": {"page_type": {"primary": kind}}, "ground_truth": {"main_content": truth}}
        (tmp_path / "dev" / "ground-truth" / f"{name}.json").write_text(json.dumps(row))
        (tmp_path / "dev" / "html" / f"{name}.html.gz").write_bytes(gzip.compress(b"one two"))

    found = score_types(list(read_typed_pages(tmp_path, "dev")), lambda page: Extracted(page.body.decode()))

    assert {kind: count for kind, (count, _) in found.items()} == {"all": 3, "collection": 1, "forum": 2}
    assert found["forum"][1] == (0.5, 0.5, 0.5)
    assert found["collection"][1] == pytest.approx((0.5, 1, 2 / 3))
