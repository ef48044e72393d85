"""A uniform sample of image places with what the thresholds compare: the report's sliders try others on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.report.columns import rows, smallest
from pipelines.report.lookup import find
from pipelines.runs.folder import RunFolder
from schemas.images import StoredImage
from schemas.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Sampled places: shorter side, aspect ratio and best score of each, in parallel."""

    population: int
    """How many places there are."""

    sides: tuple[int, ...]
    aspects: tuple[float, ...]
    scores: tuple[float | None, ...]

    def as_json(self, recipe: Recipe) -> dict[str, Any]:
        """Returns what the page's script reads."""
        return {
            "population": self.population,
            "rows": [list(row) for row in zip(self.sides, self.aspects, self.scores, strict=True)],
            "scored": recipe.score.model is not None,
            "min_side": recipe.images.min_side,
            "max_aspect": recipe.images.max_aspect,
            "min": recipe.score.min,
        }


def sample_places(folder: RunFolder, count: int, seed: int) -> WhatIf:
    """Returns a sample of the places that ``score`` measured; all of them where there are no more than ``count``."""
    population = sum(1 for _ in _places(folder))
    chosen = smallest("what if", seed, _places(folder), count)
    wanted = {row["image_id"] for row in chosen}
    sizes = {
        image.image_id: (min(image.width, image.height), max(image.width, image.height))
        for image in find(folder, "fetch", "", StoredImage, {"image_id": wanted})
    }
    known = [(sizes[row["image_id"]], row["best"]) for row in chosen if row["image_id"] in sizes]
    return WhatIf(
        population=population,
        sides=tuple(short for (short, _), _ in known),
        aspects=tuple(round(long / max(1, short), 3) for (short, long), _ in known),
        scores=tuple(None if best is None else round(best, 4) for _, best in known),
    )


def _places(folder: RunFolder) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in rows(folder, "score", "", ["occurrence", "position", "image_id", "best"]):
        yield f"{row['occurrence']}#{row['position']}", row
