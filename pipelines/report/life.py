"""One record's life: what every job saw of it, measured, compared and decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipelines.interleave.urls import UrlError, normalise_page_url
from pipelines.report.lookup import find, find_in_file
from pipelines.report.statistics import read_manifest
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.digests import document_id
from schemas.documents import Document
from schemas.images import FetchedUrl, ImagePair, StoredImage
from schemas.recipe import JOB_NAMES, Recipe
from schemas.rejections import Rejection
from schemas.rows import IndexLine
from schemas.samples import CaptionRow, PoolSample, SampleKind
from schemas.scores import ImageScore
from schemas.verdicts import Verdict

KINDS = tuple(kind.value for kind in SampleKind)


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
    names = {query, *_document_ids(query)}
    documents = list(find(folder, "interleave", "", Document, {"document_id": names, "url": names}))
    samples = _samples(folder, {"key": names})
    if not documents and samples:
        names |= {sample.source_id for sample in samples}
        documents = list(find(folder, "interleave", "", Document, {"document_id": names}))
    image_ids, image_urls = _images_of(folder, query, names, documents, samples)
    what = _what(query, documents, samples, image_ids, image_urls)
    events = [
        *(_document_event(document) for document in documents),
        *_fetch_events(folder, image_ids, image_urls),
        *_verdict_events(folder, names, documents, image_ids, image_urls),
        *_score_events(folder, names, image_ids, documents, recipe),
        *_rejections(folder, {*names, *image_ids, *image_urls, *(d.occurrence for d in documents)}, names),
        *_pool_events(folder, names, image_ids, documents),
    ]
    if not events:
        return None
    order = {job: place for place, job in enumerate(JOB_NAMES)}
    return Life(query=query, what=what, events=tuple(sorted(dict.fromkeys(events), key=lambda e: order[e.job])))


def samples_of_rows(run: str, rows: Iterable[int]) -> list[IndexLine]:
    """Returns the index lines of training rows, in order."""
    wanted = set(rows)
    return sorted((line for line in _index_lines(RunFolder(run)) if line.row in wanted), key=lambda line: line.offset)


def _document_ids(query: str) -> set[str]:
    try:
        return {document_id(normalise_page_url(query))} if "://" in query else set()
    except UrlError:
        return set()


def _samples(folder: RunFolder, where: Mapping[str, Collection[str]]) -> list[PoolSample]:
    return [sample for kind in KINDS for sample in find(folder, "select", kind, PoolSample, where)]


def _images_of(
    folder: RunFolder, query: str, names: set[str], documents: list[Document], samples: list[PoolSample]
) -> tuple[set[str], set[str]]:
    """Returns the ids and URLs of the images that the query names, or that its page or sample has."""
    if documents:
        urls = {image.url for document in documents for _, image in document.images()}
        ids = {image.image_id for document in documents for _, image in document.images() if image.image_id}
    else:
        urls = {image.url for sample in samples for image in sample.images() if image.url}
        ids = {image.image_id for sample in samples for image in sample.images()}
    fetched = list(find(folder, "fetch", "fetches", FetchedUrl, {"url": {*urls, query}, "image_id": {*ids, query}}))
    pairs = find(folder, "fetch", "pairs", ImagePair, {"pair_id": names, "image_id": {query}})
    ids |= {row.image_id for row in fetched if row.image_id} | {pair.image_id for pair in pairs}
    return ids, urls | {row.url for row in fetched}


def _what(
    query: str, documents: list[Document], samples: list[PoolSample], image_ids: set[str], image_urls: set[str]
) -> str:
    if samples:
        return f"{samples[0].kind.value} sample {samples[0].key} of {samples[0].url or samples[0].source_id}"
    if documents:
        return f"page {documents[0].url} (document {documents[0].document_id})"
    if image_ids or image_urls:
        return f"image {query}"
    return f"record {query}"


def _document_event(document: Document) -> Event:
    texts, images = len(list(document.texts())), len(list(document.images()))
    language = f", language {document.language} {document.language_score or 0:.2f}" if document.language else ""
    text = f"{texts} texts and {images} images from {document.occurrence}{language}: {document.title or 'no title'}"
    return Event(job="interleave", outcome="kept", item=document.document_id, text=text)


def _fetch_events(folder: RunFolder, image_ids: set[str], image_urls: set[str]) -> Iterator[Event]:
    for row in find(folder, "fetch", "fetches", FetchedUrl, {"url": image_urls, "image_id": image_ids}):
        if row.image_id is None:
            text = f"status {row.status}" if row.status else "no answer"
            yield Event(job="fetch", outcome="rejected", item=row.url, text=text, reason=row.reason)
        else:
            yield Event(job="fetch", outcome="kept", item=row.url, text=f"{row.n_bytes:,} bytes, image {row.image_id}")
    for image in find(folder, "fetch", "", StoredImage, {"image_id": image_ids}):
        pointer = image.pointer
        text = (
            f"{image.format} of {image.width} x {image.height} pixels, perceptual hash {image.phash or 'none'},"
            f" stored in {pointer.file} at {pointer.offset:,} + {pointer.length:,}"
        )
        yield Event(job="fetch", outcome="kept", item=image.image_id, text=text)


def _verdict_events(
    folder: RunFolder, names: set[str], documents: list[Document], image_ids: set[str], image_urls: set[str]
) -> Iterator[Event]:
    items = {*names, *image_ids, *image_urls, *(document.occurrence for document in documents)}
    for verdict in find(folder, "dedup", "", Verdict, {"item": items}):
        place = "" if verdict.position is None else f" at segment {verdict.position}"
        kept = f"; {verdict.of} is kept" if verdict.of else ""
        yield Event(
            job="dedup",
            outcome="rejected",
            item=verdict.item,
            text=f"{verdict.kind}{place} repeats another{kept}",
            reason=verdict.reason.value,
            value=verdict.value,
            threshold=verdict.threshold,
        )


def _score_events(
    folder: RunFolder, names: set[str], image_ids: set[str], documents: list[Document], recipe: Recipe | None
) -> Iterator[Event]:
    sources = names if documents else set()
    threshold = recipe.score.min if recipe is not None else None
    for score in find(folder, "score", "", ImageScore, {"source": sources, "image_id": image_ids}):
        if documents and score.source not in names:
            continue  # The same image in another page: not this page's life.
        parts = [(name, getattr(score, name)) for name in ("alt", "caption", "near")]
        text = ", ".join(f"{name} {value:.4f}" for name, value in parts if value is not None) or "no text to compare"
        item = f"image {score.image_id} at segment {score.position} of {score.source}"
        yield Event(job="score", outcome="measured", item=item, text=text, value=score.best, threshold=threshold)


def _rejections(folder: RunFolder, items: set[str], parents: set[str]) -> Iterator[Event]:
    for job in JOB_NAMES:
        for row in find(folder, job, "rejected", Rejection, {"item": items, "parent": parents}):
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


def _pool_events(folder: RunFolder, names: set[str], image_ids: set[str], documents: list[Document]) -> Iterator[Event]:
    where = {"key": names, "source_id": names}
    by_image = {} if documents else {"segments.image_id": image_ids}
    samples = _samples(folder, where | by_image)
    for sample in samples:
        n_images = len(sample.images())
        text = f"{sample.kind.value} sample of {sample.n_characters():,} characters and {n_images} images"
        yield Event(job="select", outcome="kept", item=sample.key, text=text)
    keys = {sample.key for sample in samples} | names
    for row in find(folder, "recaption", "", CaptionRow, {"key": keys}):
        refused = f"; refused: {row.guard}" if row.guard else ""
        text = f"alt {row.alt!r}, vlm {row.vlm!r}, fused {row.fused!r}{refused}"
        yield Event(job="recaption", outcome="kept", item=row.key, text=text)
    for path, line in _find_lines(folder, keys):
        text = (
            f"row {line.row}, {line.n_text} text tokens, {line.n_images} images,"
            f" in {path} at {line.offset:,} + {line.length:,}"
        )
        yield Event(job="mix", outcome="written", item=line.key, text=text)


def _find_lines(folder: RunFolder, keys: set[str]) -> Iterator[tuple[str, IndexLine]]:
    for name, path in _index_files(folder):
        for line in find_in_file(path, IndexLine, {"key": keys}):
            yield name, line


def _index_lines(folder: RunFolder) -> Iterator[IndexLine]:
    from pipelines.runs.folder import read_part

    for _, path in _index_files(folder):
        yield from read_part(path, IndexLine)


def _index_files(folder: RunFolder) -> Iterator[tuple[str, str]]:
    manifest = read_manifest(folder.root)
    if manifest is None:
        return
    inside = storage.exists(folder.path("shards", "manifest.json"))
    for shard in manifest.shards:
        yield shard.name, folder.path("shards" if inside else "", shard.index_name)
