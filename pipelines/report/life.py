"""One record's life: what every job saw of it, measured, compared and decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.report.lookup import find
from pipelines.report.subject import Subject, find_lines, find_subject
from pipelines.runs.folder import RunFolder
from schemas.documents import Document
from schemas.images import FetchedUrl, StoredImage
from schemas.recipe import JOB_NAMES, Recipe
from schemas.rejections import Rejection
from schemas.samples import CaptionRow
from schemas.scores import ImageScore
from schemas.texts import TextRow
from schemas.verdicts import Verdict

MAX_ITEM = 100
"""Characters of a paragraph that stand for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that a job did with the record or a part of it."""

    job: str
    outcome: str
    """``"kept"``, ``"rejected"``, ``"measured"`` or ``"written"``."""

    item: str
    """What it is about: an id, a URL, a place in a document."""

    text: str
    """What was seen and compared, for a person."""

    reason: str | None = None
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All that a run knows of one record."""

    query: str
    what: str
    """What the query named, in words."""

    events: tuple[Event, ...]
    """In the order of the jobs."""


def explain(run: str, query: str, recipe: Recipe | None = None) -> Life | None:
    """Returns what happened to a page, image or sample; None where the run knows nothing of that name.

    Args:
        run: The run folder.
        query: URL of a page or image, a document id, image id, sample key, or ``archive:offset`` of a record.
        recipe: Of the run, for the thresholds that scores were compared with.
    """
    folder = RunFolder(run)
    subject = find_subject(folder, query)
    rejections = list(_rejections(folder, subject))
    told = {(event.item, event.reason) for event in rejections}
    events = [
        *(_document_event(document) for document in subject.documents),
        *(_text_event(text) for text in subject.texts),
        *_fetch_events(folder, subject),
        *(event for event in _verdict_events(folder, subject) if (event.item, event.reason) not in told),
        *_score_events(folder, subject, recipe),
        *rejections,
        *_pool_events(folder, subject),
    ]
    if not events:
        return None
    order = {job: place for place, job in enumerate(JOB_NAMES)}
    return Life(
        query=query, what=subject.what(), events=tuple(sorted(dict.fromkeys(events), key=lambda e: order[e.job]))
    )


def _document_event(document: Document) -> Event:
    texts, images = len(list(document.texts())), len(list(document.images()))
    language = f", language {document.language} {document.language_score or 0:.2f}" if document.language else ""
    text = f"{texts} texts and {images} images from {document.occurrence}{language}: {document.title or 'no title'}"
    return Event(job="interleave", outcome="kept", item=document.document_id, text=text)


def _text_event(text: TextRow) -> Event:
    what = f"text of {len(text.text):,} characters from {text.archive}:{text.offset}, language {text.language}"
    return Event(job="interleave", outcome="kept", item=text.text_id, text=what)


def _fetch_events(folder: RunFolder, subject: Subject) -> Iterator[Event]:
    where = {"url": subject.image_urls, "image_id": subject.image_ids if subject.is_image else set()}
    for row in find(folder, "fetch", "fetches", FetchedUrl, where):
        if row.image_id is None:
            text = f"status {row.status}" if row.status else "no answer"
            yield Event(job="fetch", outcome="rejected", item=row.url, text=text, reason=row.reason)
        else:
            yield Event(job="fetch", outcome="kept", item=row.url, text=f"{row.n_bytes:,} bytes, image {row.image_id}")
    for image in find(folder, "fetch", "", StoredImage, {"image_id": subject.image_ids}):
        pointer = image.pointer
        text = (
            f"{image.format} of {image.width} x {image.height} pixels, perceptual hash {image.phash or 'none'},"
            f" stored in {pointer.file} at {pointer.offset:,} + {pointer.length:,}"
        )
        yield Event(job="fetch", outcome="kept", item=image.image_id, text=text)


def _verdict_events(folder: RunFolder, subject: Subject) -> Iterator[Event]:
    paragraphs = subject.paragraphs()
    for verdict in find(folder, "dedup", "", Verdict, {"item": {*subject.all_names(), *paragraphs}}):
        place = "" if verdict.position is None else f" at segment {verdict.position}"
        kept = f"; {verdict.of} is kept" if verdict.of else ""
        yield Event(
            job="dedup",
            outcome="rejected",
            item=paragraphs.get(verdict.item, verdict.item)[:MAX_ITEM],
            text=f"{verdict.kind}{place} repeats{kept}",
            reason=verdict.reason.value,
            value=verdict.value,
            threshold=verdict.threshold,
        )


def _score_events(folder: RunFolder, subject: Subject, recipe: Recipe | None) -> Iterator[Event]:
    # Of a page its own places alone, whatever other pages show the same images.
    of_page = bool(subject.documents) and not subject.caption_alone()
    where = {"source": subject.names} if of_page else {"image_id": subject.image_ids}
    threshold = recipe.score.min if recipe is not None else None
    for score in find(folder, "score", "", ImageScore, where):
        parts = [(name, getattr(score, name)) for name in ("alt", "caption", "near")]
        text = ", ".join(f"{name} {value:.4f}" for name, value in parts if value is not None) or "not compared"
        yield Event(
            job="score",
            outcome="measured",
            item=score.image_id,
            text=f"{text}; segment {score.position} of {score.source}",
            value=score.best,
            threshold=threshold,
        )


def _rejections(folder: RunFolder, subject: Subject) -> Iterator[Event]:
    # An image that is looked up for itself may stand in many pages; of a page only its own parts count.
    where = {"item": subject.all_names(), "parent": subject.parents(), "url": subject.all_names()}
    for job in JOB_NAMES:
        for row in find(folder, job, "rejected", Rejection, where):
            if not subject.is_image and row.parent is not None and row.parent not in subject.parents():
                continue
            text = f"{row.kind}: {row.detail}" if row.detail else row.kind
            yield Event(
                job=job,
                outcome="rejected",
                item=row.item,
                text=text,
                reason=row.reason.value,
                value=row.value,
                threshold=row.threshold,
            )


def _pool_events(folder: RunFolder, subject: Subject) -> Iterator[Event]:
    samples = subject.samples
    for sample in samples:
        n_images = len(sample.images())
        text = f"{sample.kind.value} sample of {sample.n_characters():,} characters and {n_images} images"
        yield Event(job="select", outcome="kept", item=sample.key, text=text)
    keys = {sample.key for sample in samples}
    for row in find(folder, "recaption", "", CaptionRow, {"key": keys}):
        refused = f"; refused: {row.guard}" if row.guard else ""
        text = f"alt {row.alt!r}, vlm {row.vlm!r}, fused {row.fused!r}{refused}"
        yield Event(job="recaption", outcome="kept", item=row.key, text=text)
    for path, line in find_lines(folder, subject.shard_keys):
        tokens = f"{line.n_text} text tokens, {line.n_images} images, {line.n_loss} positions in the loss"
        forgotten = ", forgotten" if line.forgotten else ""
        text = f"row {line.row}{forgotten}: {tokens}; {path} at {line.offset:,} + {line.length:,}"
        yield Event(job="mix", outcome="written", item=line.key, text=text)
