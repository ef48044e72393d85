"""What becomes of one document: an interleaved or a text sample, captions of its images, and reasons for the rest."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.interleave.text_statistics import describe
from pipelines.select.facts import SourceFacts
from pipelines.select.image_rules import best_score, place_problem, verdict_problem
from pipelines.select.page_captions import CaptionCandidate, ChosenText, choose_text
from pipelines.select.problems import Problem
from pipelines.select.samples import PARAGRAPH_SEPARATOR, document_sample, page_caption_sample, pool_image
from pipelines.select.settings import SelectSettings
from pipelines.select.text import OtherProblem, filter_paragraphs, nothing_else, whole_text_problem
from pipelines.select.text_rules import language_problem
from schemas.digests import keyed_digest
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.rejections import Rejection, RejectReason
from schemas.samples import PoolImage, PoolSample, PoolText
from schemas.verdicts import paragraph_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSelection:
    """What became of a document and its parts; whatever is in it once is counted once."""

    outcome: PoolSample | Rejection
    captions: tuple[CaptionCandidate, ...] = ()
    rejected_captions: tuple[Rejection, ...] = ()
    rejected_images: tuple[Rejection, ...] = ()
    rejected_paragraphs: tuple[Rejection, ...] = ()
    n_paragraphs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image place that meets all thresholds."""

    segment: ImageSegment
    position: int
    image: PoolImage


def select_document(document: Document, facts: SourceFacts, settings: SelectSettings) -> DocumentSelection:
    """Returns what becomes of a document.

    In order: a document that repeats another, or is not in a language that is asked for, goes whole. Then paragraphs
    go that repeat or break a rule, and images that are not fetched, repeat, or break a threshold. Then the text that is
    left is judged. With text and images left it is interleaved, with text alone it is a text.

    Captions are taken from the images of every document that did not go whole: a gallery has little text and good
    captions.
    """
    problem = _whole_problem(document, facts, settings)
    if problem is not None:
        return _rejected_whole(document, problem)
    kept, bad_images = _filter_images(document, facts, settings)
    texts, bad_paragraphs, n_paragraphs = _filter_texts(document, facts, settings)
    whole = PARAGRAPH_SEPARATOR.join(texts.values())
    statistics = None if bad_paragraphs else document.statistics
    problem = whole_text_problem(whole, statistics, document.language, settings.text.document_rules())
    captions, no_captions = _captions(document, kept, facts, settings)
    outcome: PoolSample | Rejection
    if problem is not None:
        outcome = problem.rejection("document", document.occurrence)
        bad_images += [_page_rejected(image, document, problem) for image in kept]
    else:
        outcome = document_sample(document, _segments(document, texts, kept))
    return DocumentSelection(
        outcome=outcome,
        captions=tuple(captions),
        rejected_captions=tuple(no_captions),
        rejected_images=tuple(bad_images),
        rejected_paragraphs=tuple(bad_paragraphs),
        n_paragraphs=n_paragraphs,
    )


def place_item(document: Document, position: int) -> str:
    """Returns what names an image place or a text in a rejection."""
    return f"{document.occurrence}#{position}"


def _whole_problem(document: Document, facts: SourceFacts, settings: SelectSettings) -> Problem | None:
    verdict = facts.document_verdict(document)
    if verdict is not None:
        return verdict_problem(verdict)
    min_score = settings.text.document_rules().min_language_score
    return language_problem(document.language, document.language_score, settings.text.languages, min_score)


def _rejected_whole(document: Document, problem: Problem) -> DocumentSelection:
    images = tuple(
        _rejected_place(document, position, Problem(reason=RejectReason.PAGE_REJECTED, detail=problem.reason.value))
        for position, _ in document.images()
    )
    return DocumentSelection(outcome=problem.rejection("document", document.occurrence), rejected_images=images)


def _rejected_place(document: Document, position: int, problem: Problem) -> Rejection:
    return problem.rejection("image", place_item(document, position), document.document_id)


def _page_rejected(image: _Image, document: Document, problem: Problem) -> Rejection:
    page = Problem(reason=RejectReason.PAGE_REJECTED, detail=problem.reason.value)
    return _rejected_place(document, image.position, page)


def _filter_images(
    document: Document, facts: SourceFacts, settings: SelectSettings
) -> tuple[list[_Image], list[Rejection]]:
    kept, rejected = [], []
    for position, segment in document.images():
        place = facts.of_place(document.occurrence, position, segment)
        problem = place_problem(segment, place, settings.images, settings.score)
        if problem is not None or place.image is None:
            rejected.append(_rejected_place(document, position, problem or Problem(reason=RejectReason.NOT_FOUND)))
            continue
        score = best_score(place.score, settings.score) if place.score else None
        image = pool_image(place.image.stored, segment, score)
        kept.append(_Image(segment=segment, position=position, image=image))
    return kept, rejected


def _filter_texts(
    document: Document, facts: SourceFacts, settings: SelectSettings
) -> tuple[dict[int, str], list[Rejection], int]:
    """Returns what is left of each text by its position, the paragraphs that go, and how many there were."""
    rules = settings.text.paragraph_rules()
    repeats = _repeats(document, facts) if facts.has_paragraph_verdicts else nothing_else
    texts, rejected, n_paragraphs = {}, [], 0
    for position, segment in document.texts():
        statistics = segment.statistics or describe(segment.text, document.language)[1]
        filtered = filter_paragraphs(segment.text, statistics, rules, repeats)
        n_paragraphs += filtered.n_paragraphs
        if filtered.text:
            texts[position] = filtered.text
        for number, problem in filtered.problems:
            item = f"{place_item(document, position)}:{number}"
            rejected.append(problem.rejection("paragraph", item, document.document_id))
    return texts, rejected, n_paragraphs


def _repeats(document: Document, facts: SourceFacts) -> OtherProblem:
    def problem(paragraph: str) -> Problem | None:
        verdict = facts.paragraph_verdict(paragraph_digest(document.domain, paragraph))
        return verdict_problem(verdict) if verdict else None

    return problem


def _segments(document: Document, texts: dict[int, str], kept: list[_Image]) -> Iterator[PoolText | PoolImage]:
    images = {image.position: image.image for image in kept}
    for position, segment in enumerate(document.segments):
        if isinstance(segment, TextSegment) and position in texts:
            yield PoolText(text=texts[position])
        elif position in images:
            yield images[position]


def _captions(
    document: Document, kept: list[_Image], facts: SourceFacts, settings: SelectSettings
) -> tuple[list[CaptionCandidate], list[Rejection]]:
    """Returns the caption samples of the images that stay, and why the others have none."""
    candidates: list[CaptionCandidate] = []
    rejected: list[Rejection] = []
    for image in kept if settings.pairs.from_pages else ():
        scored = facts.scores.get((document.occurrence, image.position))
        chosen = choose_text(image.segment, scored, settings.pairs, settings.score)
        item = place_item(document, image.position)
        if isinstance(chosen, ChosenText):
            candidates.append(_candidate(document, image, chosen, item))
        else:
            rejected.append(chosen.rejection("page_caption", item, document.document_id))
    return candidates, rejected


def _candidate(document: Document, image: _Image, chosen: ChosenText, item: str) -> CaptionCandidate:
    sample = page_caption_sample(document, image.position, image.image, chosen.text)
    return CaptionCandidate(
        image_id=image.image.image_id,
        key=sample.key,
        unit="page_caption",
        item=item,
        text_digest=keyed_digest("caption", chosen.text, size=8),
        score=chosen.score,
        sample=sample,
    )
