"""What becomes of one pair given as input."""

from pipelines.select.facts import SourceFacts
from pipelines.select.image_rules import place_problem
from pipelines.select.page_captions import CaptionCandidate
from pipelines.select.problems import Problem
from pipelines.select.samples import pair_sample, pool_image
from pipelines.select.settings import SelectSettings
from schemas.digests import keyed_digest
from schemas.documents import ImageSegment
from schemas.images import ImagePair
from schemas.rejections import Rejection, RejectReason


def select_pair(pair: ImagePair, facts: SourceFacts, settings: SelectSettings) -> CaptionCandidate | Rejection:
    """Returns a candidate for the caption pool, or why a pair is left out.

    Its image goes through the same thresholds as one of a page. Its score is that of its caption, whatever texts are
    asked for of pages; where scoring is on, a pair without a score is left out.
    """
    problem = _problem(pair, facts, settings)
    place = facts.of_place(pair.pair_id, 0, _segment(pair))
    if problem is not None or place.image is None:
        return (problem or Problem(reason=RejectReason.NOT_FOUND)).rejection("pair", pair.pair_id)
    score = place.score.caption if place.score else None
    sample = pair_sample(pair, pool_image(place.image.stored, _segment(pair), score))
    return CaptionCandidate(
        image_id=pair.image_id,
        key=sample.key,
        unit="candidate",
        item=pair.pair_id,
        text_digest=keyed_digest("caption", pair.caption.strip(), size=8),
        score=score,
        sample=sample,
    )


def _segment(pair: ImagePair) -> ImageSegment:
    return ImageSegment(url=pair.url or "", caption=pair.caption, image_id=pair.image_id)


def _problem(pair: ImagePair, facts: SourceFacts, settings: SelectSettings) -> Problem | None:
    if not pair.caption.strip():
        return Problem(reason=RejectReason.NO_CAPTION, detail="the caption is empty")
    place = facts.of_place(pair.pair_id, 0, _segment(pair))
    problem = place_problem(_segment(pair), place, settings.images, settings.score)
    if problem is not None or settings.score.model is None or place.score is None:
        return problem
    if place.score.caption is None:
        return Problem(reason=RejectReason.NO_SCORE, detail="the caption was not scored")
    if place.score.caption < settings.score.min:
        return Problem(
            reason=RejectReason.LOW_SCORE,
            value=place.score.caption,
            threshold=settings.score.min,
            detail="of the caption",
        )
    return None
