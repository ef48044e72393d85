"""What is known of one source when its worker begins."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.joins.images import ImageFacts, image_facts
from pipelines.joins.lookup import Found
from pipelines.select.image_rules import PlaceFacts
from pipelines.select.verdicts import unpack_verdict
from schemas.documents import Document, ImageSegment
from schemas.scores import ImageScore
from schemas.verdicts import Verdict

VERDICTS = "verdicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """Verdicts, images and scores of one part of documents, pairs or texts."""

    images: ImageFacts = field(default_factory=ImageFacts)
    verdicts: dict[tuple[str, str, int | None], Verdict] = field(default_factory=dict)
    """By kind, item and position."""

    scores: dict[tuple[str, int], ImageScore] = field(default_factory=dict)
    """By occurrence and position."""

    has_paragraph_verdicts: bool = False
    """Whether any paragraph repeats: digests are not computed for nothing."""

    def document_verdict(self, document: Document) -> Verdict | None:
        """Returns why a document repeats another, None where it does not."""
        return self.verdicts.get(("document", document.occurrence, None))

    def paragraph_verdict(self, digest: str) -> Verdict | None:
        """Returns why a paragraph is boilerplate, None where it is not."""
        return self.verdicts.get(("paragraph", digest, None))

    def of_place(self, occurrence: str, position: int, image: ImageSegment) -> PlaceFacts:
        """Returns what is known of an image at its place."""
        image_id = self.images.image_id(image)
        keys = (("place", occurrence, position), ("image", image.url, None), ("image", image_id or "", None))
        return PlaceFacts(
            image=self.images.image(image),
            fetched=self.images.fetches.get(image.url),
            verdict=next((self.verdicts[key] for key in keys if key in self.verdicts), None),
            score=self.scores.get((occurrence, position)),
        )


def source_facts(found: Iterable[Found], scores: Iterable[ImageScore]) -> SourceFacts:
    """Returns the facts that the lookups found for a source."""
    found = list(found)
    packed = (record for answer in found if answer.table == VERDICTS for _, record in answer.records)
    verdicts = [unpack_verdict(record) for record in packed]
    return SourceFacts(
        images=image_facts(found),
        verdicts={(verdict.kind, verdict.item, verdict.position): verdict for verdict in verdicts},
        scores={(score.occurrence, score.position): score for score in scores},
        has_paragraph_verdicts=any(verdict.kind == "paragraph" for verdict in verdicts),
    )
