"""A place's scores from its image's vector and its texts' vectors."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.joins.places import Place
from schemas.recipe import TextSource
from schemas.scores import ImageScore

Vector = NDArray[np.floating]

PAIR_TEXTS: tuple[TextSource, ...] = ("caption",)
"""A pair has one text, which is scored whatever the recipe asks of pages."""


def texts_of(place: Place, asked: Sequence[TextSource]) -> dict[TextSource, str]:
    """Returns the texts of a place among those that are asked for, without empty ones."""
    texts = {source: getattr(place.image, source) for source in asked}
    return {source: text for source, text in texts.items() if text and text.strip()}


def distinct_texts(places: Iterable[Place], asked: Sequence[TextSource]) -> list[str]:
    """Returns every text of the places once, in order of its first appearance."""
    return list(dict.fromkeys(text for place in places for text in texts_of(place, asked).values()))


def score_place(
    place: Place, image_id: str, vector_W: Vector | None, texts: Mapping[str, Vector], asked: Sequence[TextSource]
) -> ImageScore:
    """Returns the cosine of an image with each of its texts; no scores where there is no vector.

    Products are added in float64 and one order, so the value does not depend on how a library splits a sum.
    """
    scores: dict[TextSource, float] = {}
    if vector_W is not None:
        image_W = unit(vector_W)
        for source, text in texts_of(place, asked).items():
            scores[source] = float(np.round(np.sum(image_W * unit(texts[text])), 6))
    return ImageScore(
        source=place.document_id,
        occurrence=place.occurrence,
        position=place.position,
        image_id=image_id,
        alt=scores.get("alt"),
        caption=scores.get("caption"),
        near=scores.get("near"),
        best=max(scores.values(), default=None),
    )


def unit(vector_W: Vector) -> NDArray[np.float64]:
    """Returns a vector in float64, scaled to length 1: rounding to float16 has changed its length a little."""
    wide = vector_W.astype(np.float64)
    return np.asarray(wide / np.sqrt(np.sum(wide * wide)))
