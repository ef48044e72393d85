"""The work of one part of documents: the fate of each image place, and the features of each document."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.dedup.documents.features import document_features
from pipelines.dedup.documents.minhash import Signer
from pipelines.dedup.evaluation import load_evaluation
from pipelines.fetch.store import image_limits
from pipelines.runs.folder import read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.documents import Document
from schemas.rejections import Rejection, RejectReason
from schemas.verdicts import Verdict

FEATURES = "features"
URLS, IMAGES, EVALUATION, PRESENT = "urls", "images", "evaluation", "present"

UrlFacts = tuple[str, str, int]
"""``(URL, image id or "", occurrences of the URL)``."""

ImageFacts = tuple[str, str, int]
"""``(image id, "", occurrences of the content and its near-duplicates)``."""

PartFacts = tuple[str, tuple[tuple[str, str, int], ...]]
"""``(URLS, url facts)``, ``(IMAGES, facts of images that occur too often)``, ``(EVALUATION, ...)`` with rows ``(image
id, evaluation item, 0)``, or ``(PRESENT, ())``, which says that the part is there though nothing is known of its
images."""


@dataclass(slots=True, kw_only=True)
class ImageFactsOfPart:
    """What is known of the images of one part of documents."""

    image_ids: dict[str, str] = field(default_factory=dict)
    """URL to image id."""

    url_counts: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    """Image id to occurrences, for contents that occur too often."""

    evaluation: dict[str, str] = field(default_factory=dict)
    """Image id to the evaluation item that it is or is like."""

    @classmethod
    def of(cls, facts: list[PartFacts]) -> "ImageFactsOfPart":
        """Returns the facts that came in several batches."""
        found = cls()
        for kind, rows in facts:
            for key, image_id, n in rows:
                if kind == IMAGES:
                    found.repeated[key] = n
                elif kind == EVALUATION:
                    found.evaluation[key] = image_id
                else:
                    found.url_counts[key] = n
                    if image_id:
                        found.image_ids[key] = image_id
        return found

    def occurrences(self, url: str) -> int:
        """Returns how often the image at a URL occurs: by URL or by content, whichever is more."""
        return max(self.url_counts.get(url, 0), self.repeated.get(self.image_ids.get(url, ""), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedPlace:
    """An image place that is left out."""

    position: int
    url: str
    reason: RejectReason
    of: str | None
    value: int | None = None


class JudgePlaces(Worker[tuple[int, list[PartFacts]]]):
    """Judges the image places of one part and writes the features of its documents."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._settings = context.recipe.dedup

    def setup(self) -> None:
        self._signer = Signer()
        self._evaluation = load_evaluation(self._settings.decontaminate, image_limits(self._context.recipe.fetch))
        self._paths = self._context.folder.part_paths("interleave")

    def run(self, item: tuple[int, list[PartFacts]], output: ItemOutput) -> None:
        part, batches = item
        facts = ImageFactsOfPart.of(batches)
        for document in read_part(self._paths[part], Document):
            self._judge(document, facts, output)
            features = document_features(document, facts.image_ids, self._settings, self._signer, self._evaluation)
            output.write(features, FEATURES)

    def _judge(self, document: Document, facts: ImageFactsOfPart, output: ItemOutput) -> None:
        limit = self._settings.images.max_occurrences
        rejected = list(rejected_places(document, facts, limit))
        n_images = sum(1 for _ in document.images())
        output.count("image", n_in=n_images, n_out=n_images - len(rejected))
        for place in rejected:
            output.reject("image", _rejection(document, place, limit))
            if place.reason is RejectReason.REPEATED_IN_PAGE:
                output.write(_verdict(document, place))


def rejected_places(document: Document, facts: ImageFactsOfPart, max_occurrences: int) -> Iterator[RejectedPlace]:
    """Yields the image places of a document that are left out, in order.

    An image of an evaluation set, and one that occurs too often, goes everywhere. Of several places of one content in a
    document the first stays (MM1 appendix A.1, "first appearance"; OBELICS A.1.5).
    """
    seen: dict[str, str] = {}
    for position, image in document.images():
        n = facts.occurrences(image.url)
        content = facts.image_ids.get(image.url, image.url)
        if content in facts.evaluation:
            of = facts.evaluation[content]
            yield RejectedPlace(position=position, url=image.url, reason=RejectReason.CONTAMINATED, of=of)
        elif n > max_occurrences:
            yield RejectedPlace(
                position=position, url=image.url, reason=RejectReason.TOO_MANY_OCCURRENCES, of=None, value=n
            )
        elif content in seen:
            yield RejectedPlace(
                position=position, url=image.url, reason=RejectReason.REPEATED_IN_PAGE, of=seen[content]
            )
        else:
            seen[content] = f"{document.occurrence}#{position}"


def _rejection(document: Document, place: RejectedPlace, limit: int) -> Rejection:
    is_counted = place.value is not None
    return Rejection(
        job="dedup",
        kind="image",
        item=place.url,
        reason=place.reason,
        value=float(place.value) if place.value is not None else None,
        threshold=float(limit) if is_counted else None,
        detail=f"segment {place.position} of {document.occurrence}" + (f"; like {place.of}" if place.of else ""),
        parent=document.document_id,
    )


def _verdict(document: Document, place: RejectedPlace) -> Verdict:
    return Verdict(
        kind="place",
        item=document.occurrence,
        position=place.position,
        reason=place.reason,
        of=place.of,
        value=None,
        threshold=None,
    )
