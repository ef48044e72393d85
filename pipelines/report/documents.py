"""Documents as they were read, with what became of every part: for the eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.report.columns import rows, smallest
from pipelines.report.lookup import find
from pipelines.report.pictures import thumbnail
from pipelines.runs.folder import RunFolder
from schemas.documents import Document, ImageSegment
from schemas.images import FetchedUrl, StoredImage
from schemas.rejections import Rejection
from schemas.scores import ImageScore

MAX_BLOCKS = 60
MAX_CHARACTERS = 1_200
"""Of a paragraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph or an image at its place."""

    text: str | None
    """None for an image."""

    why: str | None
    """Reason, value and threshold of what was left out; None where it was kept."""

    picture: str | None = None
    """A data URI."""

    url: str | None = None
    alt: str | None = None
    caption: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """A document in reading order."""

    url: str
    title: str
    occurrence: str
    why: str | None
    """Why the whole document was left out; None where it was kept."""

    blocks: tuple[Block, ...]
    more: int
    """Blocks that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the tables say of the parts of the shown documents."""

    folder: RunFolder
    pictures: bool
    ids: dict[str, str | None]
    stored: dict[str, StoredImage]
    reasons: dict[str, Rejection]
    scores: dict[tuple[str, int], float | None]


def sample_documents(folder: RunFolder, count: int, seed: int, *, pictures: bool) -> list[ShownDocument]:
    """Returns a uniform sample of documents, ``count`` kept and ``count`` left out, the kept ones first."""
    kept = smallest("kept documents", seed, _kept(folder), count)
    lost = dict(smallest("lost documents", seed, _lost(folder), count))
    names = [*kept, *lost]
    ids = {name: row["document_id"] for name, row in _captures(folder) if name in names}
    found = find(folder, "interleave", "", Document, {"document_id": set(ids.values())})
    documents = {document.occurrence: document for document in found}
    chosen = [documents[name] for name in names if name in documents]
    facts = _facts(folder, chosen, pictures=pictures)
    return [_show(facts, document, lost.get(document.occurrence)) for document in chosen]


def _kept(folder: RunFolder) -> Iterator[tuple[str, str]]:
    for row in rows(folder, "select", "interleaved", ["archive", "record_offset"]):
        name = f"{row['archive']}:{row['record_offset']}"
        yield name, name


def _lost(folder: RunFolder) -> Iterator[tuple[str, tuple[str, str]]]:
    for row in rows(folder, "select", "rejected", ["kind", "item", "reason", "detail"]):
        if row["kind"] == "document":
            yield row["item"], (row["item"], _sentence(row["reason"], row["detail"]))


def _captures(folder: RunFolder) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in rows(folder, "interleave", "", ["archive", "record_offset", "document_id"]):
        yield f"{row['archive']}:{row['record_offset']}", row


def _facts(folder: RunFolder, documents: Sequence[Document], *, pictures: bool) -> _Facts:
    urls = {image.url for document in documents for _, image in document.images()}
    ids = {row.url: row.image_id for row in find(folder, "fetch", "fetches", FetchedUrl, {"url": urls})}
    ids |= {image.url: image.image_id for d in documents for _, image in d.images() if image.image_id}
    parents = {document.document_id for document in documents}
    rejections = find(folder, "select", "rejected", Rejection, {"parent": parents})
    scores = find(folder, "score", "", ImageScore, {"source": parents})
    return _Facts(
        folder=folder,
        pictures=pictures,
        ids=ids,
        stored={image.image_id: image for image in find(folder, "fetch", "", StoredImage, {"image_id": _known(ids)})},
        reasons={rejection.item: rejection for rejection in rejections},
        scores={(score.occurrence, score.position): score.best for score in scores},
    )


def _show(facts: _Facts, document: Document, why: str | None) -> ShownDocument:
    blocks = list(_blocks(facts, document))
    return ShownDocument(
        url=document.url,
        title=document.title or document.url,
        occurrence=document.occurrence,
        why=why,
        blocks=tuple(blocks[:MAX_BLOCKS]),
        more=max(0, len(blocks) - MAX_BLOCKS),
    )


def _known(ids: dict[str, str | None]) -> set[str]:
    return {image_id for image_id in ids.values() if image_id}


def _blocks(facts: _Facts, document: Document) -> Iterator[Block]:
    for place, segment in enumerate(document.segments):
        name = f"{document.occurrence}#{place}"
        if isinstance(segment, ImageSegment):
            image = facts.stored.get(facts.ids.get(segment.url) or "")
            shown = image is not None and facts.pictures
            yield Block(
                text=None,
                why=_why(facts.reasons.get(name)),
                picture=thumbnail(facts.folder, image.pointer) if image is not None and shown else None,
                url=segment.url,
                alt=segment.alt,
                caption=segment.caption,
                score=facts.scores.get((document.occurrence, place)),
            )
            continue
        for number, paragraph in enumerate(segment.text.split("\n\n")):
            cut = paragraph if len(paragraph) <= MAX_CHARACTERS else f"{paragraph[:MAX_CHARACTERS]}…"
            yield Block(text=cut, why=_why(facts.reasons.get(f"{name}:{number}")))


def _why(rejection: Rejection | None) -> str | None:
    if rejection is None:
        return None
    compared = ""
    if rejection.value is not None and rejection.threshold is not None:
        sign = "<" if rejection.value < rejection.threshold else ">"
        compared = f"{rejection.value:.4g} {sign} {rejection.threshold:g}"
    return " ".join(part for part in (_sentence(rejection.reason.value, rejection.detail), compared) if part)


def _sentence(reason: str, detail: str) -> str:
    return f"{reason} ({detail})" if detail else reason
