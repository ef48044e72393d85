"""The part of the recipe that ``select`` depends on."""

from dataclasses import dataclass

from schemas.recipe import ImageSettings, PairSettings, Recipe, ScoreSettings, TextSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectSettings:
    """Thresholds on text, images, scores and captions."""

    text: TextSettings
    images: ImageSettings
    score: ScoreSettings
    pairs: PairSettings

    @classmethod
    def of(cls, recipe: Recipe) -> "SelectSettings":
        """Returns the settings of a recipe."""
        return cls(text=recipe.text, images=recipe.images, score=recipe.score, pairs=recipe.pairs)
