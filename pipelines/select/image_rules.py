"""Thresholds on one image at one place."""

from dataclasses import dataclass

from pipelines.joins.images import LocatedImage, UrlOutcome
from pipelines.select.problems import Problem
from schemas.documents import ImageSegment
from schemas.images import StoredImage
from schemas.recipe import ImageSettings, ScoreSettings
from schemas.rejections import RejectReason
from schemas.scores import ImageScore
from schemas.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFacts:
    """What upstream jobs found of an image at its place."""

    image: LocatedImage | None
    """None where it was not fetched."""

    fetched: UrlOutcome | None
    """What its URL came to; None for images that are known by their bytes."""

    verdict: Verdict | None
    """Why it repeats another; None where it does not."""

    score: ImageScore | None
    """None where the model could not look at it."""


def place_problem(
    segment: ImageSegment, facts: PlaceFacts, images: ImageSettings, score: ScoreSettings
) -> Problem | None:
    """Returns why an image does not stay at its place, None where it does.

    In order: it was not fetched, it repeats, its format, its size, its URL, its score. An image without a score stays:
    it has no text to be held against, and MM1 keeps the natural layout of a page (arXiv 2403.09611, section 3.2).
    """
    if facts.image is None:
        return fetch_problem(facts.fetched)
    if facts.verdict is not None:
        return verdict_problem(facts.verdict)
    return (
        stored_problem(facts.image.stored, images)
        or url_problem(segment.url, images)
        or score_problem(facts.score, score)
    )


def fetch_problem(fetched: UrlOutcome | None) -> Problem:
    """Returns the reason for which a URL gave no image."""
    if fetched is None or fetched.reason is None:
        return Problem(reason=RejectReason.NOT_FOUND, detail="the store has no such image")
    return Problem(reason=RejectReason(fetched.reason), detail="not fetched")


def verdict_problem(verdict: Verdict) -> Problem:
    """Returns a verdict of ``dedup`` as a reason."""
    detail = f"repeats {verdict.of}" if verdict.of else ""
    return Problem(reason=verdict.reason, value=verdict.value, threshold=verdict.threshold, detail=detail)


def stored_problem(image: StoredImage, settings: ImageSettings) -> Problem | None:
    """Returns why an image of this format and size is left out (OBELICS A.1.4)."""
    short, long = sorted((image.width, image.height))
    if image.format not in settings.formats:
        return Problem(reason=RejectReason.FORMAT_NOT_ALLOWED, detail=image.format)
    if short < settings.min_side:
        return Problem(reason=RejectReason.TOO_SMALL, value=short, threshold=settings.min_side)
    if long > settings.max_side:
        return Problem(reason=RejectReason.TOO_LARGE, value=long, threshold=settings.max_side)
    if long > settings.max_aspect * short:
        return Problem(reason=RejectReason.BAD_ASPECT, value=round(long / short, 4), threshold=settings.max_aspect)
    return None


def url_problem(url: str, settings: ImageSettings) -> Problem | None:
    """Returns the first banned word in a URL, whatever its case (OBELICS A.1.4 looks for the case as listed)."""
    lower = url.lower()
    word = next((word for word in settings.banned_url_words if word.lower() in lower), None)
    return Problem(reason=RejectReason.BANNED_URL_WORD, detail=word) if word else None


def score_problem(score: ImageScore | None, settings: ScoreSettings) -> Problem | None:
    """Returns why a scored image is left out."""
    if settings.model is None:
        return None
    if score is None:
        return Problem(reason=RejectReason.BROKEN_IMAGE, detail="the model could not look at it")
    best = best_score(score, settings)
    if best is not None and best < settings.min:
        return Problem(reason=RejectReason.LOW_SCORE, value=best, threshold=settings.min)
    return None


def best_score(score: ImageScore, settings: ScoreSettings) -> float | None:
    """Returns the best score against the texts that are asked for, None where there are none."""
    values = (getattr(score, source) for source in settings.texts)
    return max((value for value in values if value is not None), default=None)
