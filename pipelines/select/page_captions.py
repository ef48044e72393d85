"""Caption samples of pages: which text of an image is its caption, and which of several samples of one image stays."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.select.problems import Problem
from schemas.documents import ImageSegment
from schemas.recipe import PairSettings, ScoreSettings
from schemas.rejections import RejectReason
from schemas.samples import PoolSample
from schemas.scores import ImageScore

SOURCES = ("alt", "caption")
"""Texts that may be a caption, the preferred one first. Near text is about the page, not the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenText:
    """The caption of an image."""

    text: str
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionCandidate:
    """One row of ``select/candidates/part-*.parquet``: a caption sample that meets all thresholds.

    One of them is chosen for each image when those of all sources are known.
    """

    image_id: str
    key: str
    unit: str
    """``"candidate"`` for a pair given as input, ``"page_caption"`` for an image of a page."""

    item: str
    """Names the source in a rejection."""

    text_digest: str
    score: float | None
    sample: PoolSample


class Contender(NamedTuple):
    """What the choice between candidates looks at; on its way to it, as a plain tuple, in many copies."""

    image_id: str
    key: str
    is_pair: bool
    text_digest: str
    score: float | None
    source: int
    row: int
    """In the candidates of its source."""


def choose_text(
    segment: ImageSegment, scored: ImageScore | None, pairs: PairSettings, score: ScoreSettings
) -> ChosenText | Problem:
    """Returns the text that describes an image best: of those with enough words and score, the highest score."""
    texts = {name: " ".join((getattr(segment, name) or "").split()) for name in SOURCES}
    if not any(texts.values()):
        return Problem(reason=RejectReason.NO_CAPTION, detail="no alt text and no caption")
    n_words = {name: len(text.split()) for name, text in texts.items()}
    long_enough = [name for name in SOURCES if n_words[name] >= pairs.min_words]
    if not long_enough:
        return Problem(
            reason=RejectReason.TOO_FEW_WORDS, value=float(max(n_words.values())), threshold=float(pairs.min_words)
        )
    if score.model is None or scored is None:
        return ChosenText(text=texts[long_enough[0]], score=None)
    values = {name: value for name in long_enough if (value := getattr(scored, name)) is not None}
    if not values:
        return Problem(reason=RejectReason.NO_SCORE, detail=f"{', '.join(long_enough)} was not scored")
    # The first of equals: alt text.
    best = max(values, key=lambda name: values[name])
    if values[best] < score.min:
        return Problem(reason=RejectReason.LOW_SCORE, value=values[best], threshold=score.min)
    return ChosenText(text=texts[best], score=values[best])


def losers(contenders: Iterable[Contender]) -> Iterator[tuple[Contender, Contender]]:
    """Yields ``(left out, kept in its stead)`` for the candidates of one image.

    A pair given as input stays unless the same image has the same caption twice; an image of a page stays only
    where no pair has it, and then once, with its best score. Ties go to the smaller key.
    """
    ordered = sorted(contenders, key=_rank)
    kept: dict[str, Contender] = {}
    for contender in ordered:
        first = next(iter(kept.values()), None)
        rival = kept.get(contender.text_digest) if contender.is_pair else first
        if rival is None:
            kept[contender.text_digest] = contender
        else:
            yield contender, rival


def _rank(contender: Contender) -> tuple[bool, float, str]:
    return not contender.is_pair, -(contender.score if contender.score is not None else -1.0), contender.key
