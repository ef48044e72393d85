"""Main content of labelled pages of seven types, ours and the peers': precision, recall and F1 of words, a type each.

    python -m benchmarks.page_types --folder FOLDER [--split dev|test]

The pages are those of WCXB (https://github.com/Murrough-Foley/web-content-extraction-benchmark, CC-BY-4.0): FOLDER is a
checkout of it, with ``dev/`` and ``test/``. The score is that benchmark's: words in lower case, counted, each page
weighs the same, and F1 is averaged over pages. Our rules were written looking at pages of ``dev`` alone.
"""

import argparse
import gzip
import json
import pathlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from benchmarks.extraction import Extractor, LabelledPage, ours, peers, run_or_nothing

Score = tuple[float, float, float]
"""Precision, recall and F1."""

_ALIASES = {"category": "collection"}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class TypedPage:
    """A labelled page and the type that it was sorted under."""

    page: LabelledPage
    type: str


def read_typed_pages(folder: pathlib.Path, split: str) -> Iterator[TypedPage]:
    """Yields the labelled pages of a split."""
    for path in sorted((folder / split / "ground-truth").glob("*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        body = gzip.decompress((folder / split / "html" / f"{path.stem}.html.gz").read_bytes())
        url = row.get("url") or f"https://example.com/{path.stem}"
        kind = row["_internal"]["page_type"]["primary"]
        yield TypedPage(
            LabelledPage(url, body, row["ground_truth"].get("main_content") or ""), _ALIASES.get(kind, kind)
        )


def score_words(found: str, truth: str) -> Score:
    """Returns how well the words of a text, each as often as it stands there, agree with those of the truth."""
    words, expected = (Counter(_WORD.findall(text.lower())) for text in (found, truth))
    if not words or not expected:
        agreement = float(not words and not expected)
        return agreement, agreement, agreement
    common = (words & expected).total()
    precision, recall = common / words.total(), common / expected.total()
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def score_types(pages: list[TypedPage], extract: Extractor) -> dict[str, tuple[int, Score]]:
    """Returns the number of pages and the mean score of each type, and of all."""
    scores: dict[str, list[Score]] = defaultdict(list)
    for typed in pages:
        score = score_words(run_or_nothing(extract, typed.page).text, typed.page.text)
        scores[typed.type].append(score)
        scores["all"].append(score)
    return {kind: (len(rows), _mean(rows)) for kind, rows in sorted(scores.items())}


def _mean(rows: list[Score]) -> Score:
    precisions, recalls, f1s = zip(*rows, strict=True)
    return mean(precisions), mean(recalls), mean(f1s)


def main() -> None:
    """Prints a table an extractor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="checkout of the benchmark")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    arguments = parser.parse_args()
    pages = list(read_typed_pages(arguments.folder, arguments.split))
    if not pages:
        parser.error(f"no pages in {arguments.folder / arguments.split / 'ground-truth'}")
    for name, extract in [("mm1", ours), *peers()]:
        print(f"\n{name:24} {'pages':>6} {'P':>6} {'R':>6} {'F1':>6}")
        for kind, (count, (precision, recall, f1)) in score_types(pages, extract).items():
            print(f"{kind:24} {count:6} {precision:6.3f} {recall:6.3f} {f1:6.3f}")


if __name__ == "__main__":
    main()
