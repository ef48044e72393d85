"""How the measured values lie, beside the thresholds that they were compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.report.columns import batches, rows
from pipelines.runs.folder import RunFolder
from schemas.recipe import Recipe

SIDE_EDGES = (0, 32, 64, 100, 150, 224, 336, 512, 768, 1024, 1536, 2048, 4096, 8192)
ASPECT_EDGES = (1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6)
WORD_EDGES = (0, 10, 25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400)
IMAGE_EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
SCORE_EDGES = tuple(round(-0.1 + 0.025 * step, 3) for step in range(25))


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of a value in bins; the last bin takes all that is larger, the first all that is smaller."""

    name: str
    what: str
    """What was counted, in the plural: ``"places of images"``."""

    edges: tuple[float, ...]
    """Lower ends of the bins."""

    counts: tuple[int, ...]
    thresholds: tuple[tuple[str, float], ...] = ()
    """Setting and value, where the recipe draws a line."""

    @property
    def total(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def label(self, place: int) -> str:
        """Returns a bin in words: ``"0.2 to 0.225"``."""
        low = f"{self.edges[place]:g}"
        return f"{low} to {self.edges[place + 1]:g}" if place + 1 < len(self.edges) else f"{low} and more"


def run_histograms(folder: RunFolder, recipe: Recipe) -> list[Histogram]:
    """Returns the histograms of a run; those without values are left out."""
    images, score = recipe.images, recipe.score
    made = [
        _histogram(
            "CLIP score",
            f"places of images (best of {', '.join(score.texts)})",
            SCORE_EDGES,
            _column(folder, "score", "", "best"),
            (("score.min", score.min),),
        ),
        _histogram(
            "Shorter side in pixels",
            "images",
            SIDE_EDGES,
            _sizes(folder, np.minimum),
            (("images.min_side", images.min_side),),
        ),
        _histogram(
            "Aspect ratio",
            "images",
            ASPECT_EDGES,
            _sizes(folder, lambda w, h: np.maximum(w, h) / np.maximum(1, np.minimum(w, h))),
            (("images.max_aspect", images.max_aspect),),
        ),
        _histogram("Words of a document", "documents", WORD_EDGES, _words(folder), ()),
        _histogram(
            "Images of a document",
            "documents",
            IMAGE_EDGES,
            _column(folder, "dedup", "features", "n_images"),
            (("interleave.max_images", recipe.interleave.max_images),),
        ),
    ]
    return [histogram for histogram in made if histogram.total]


def _histogram(
    name: str,
    what: str,
    edges: Sequence[float],
    values: Iterator[np.ndarray],
    thresholds: tuple[tuple[str, float], ...],
) -> Histogram:
    counts = np.zeros(len(edges), dtype=np.int64)
    for array in values:
        finite = array[np.isfinite(array)]
        places = np.clip(np.searchsorted(edges, finite, side="right") - 1, 0, len(edges) - 1)
        counts += np.bincount(places, minlength=len(edges))
    return Histogram(
        name=name, what=what, edges=tuple(edges), counts=tuple(int(n) for n in counts), thresholds=thresholds
    )


def _column(folder: RunFolder, job: str, table: str, column: str) -> Iterator[np.ndarray]:
    for batch in batches(folder, job, table, [column]):
        yield np.asarray(batch.column(0).to_numpy(zero_copy_only=False), dtype=np.float64)


def _sizes(folder: RunFolder, measure: Callable[[Any, Any], Any]) -> Iterator[np.ndarray]:
    for batch in batches(folder, "fetch", "", ["width", "height"]):
        width, height = (batch.column(i).to_numpy(zero_copy_only=False).astype(np.float64) for i in (0, 1))
        yield measure(width, height)


def _words(folder: RunFolder) -> Iterator[np.ndarray]:
    for row in rows(folder, "interleave", "", ["statistics.n_words"]):
        statistics = row.get("statistics")
        if statistics is not None:
            yield np.array([statistics["n_words"]], dtype=np.float64)
