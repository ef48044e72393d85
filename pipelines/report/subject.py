"""What a name means in a run: the page, text, image or sample, and every other name that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pipelines.interleave.urls import UrlError, normalise_page_url
from pipelines.mix.pieces import piece_key
from pipelines.report.lookup import find, find_in_file
from pipelines.report.row_samples import stored_meta
from pipelines.report.statistics import read_manifest, shards_folder
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.digests import document_id
from schemas.documents import Document
from schemas.images import FetchedUrl, ImagePair
from schemas.rows import IndexLine, Piece, SplitPart
from schemas.samples import PoolSample, SampleKind
from schemas.texts import TextRow
from schemas.verdicts import paragraph_digest

KINDS = tuple(kind.value for kind in SampleKind)
MAX_REPEATS = 64
"""Looked for at most: a sample stands in the shards ``max_repeats`` times."""


@dataclass(slots=True, kw_only=True)
class Subject:
    """One page, text, image or sample, and what hangs on it."""

    query: str
    names: set[str]
    """The query, and the ids of page, text, pair and sample that it stands for."""

    documents: list[Document] = field(default_factory=list)
    texts: list[TextRow] = field(default_factory=list)
    samples: list[PoolSample] = field(default_factory=list)
    image_ids: set[str] = field(default_factory=set)
    image_urls: set[str] = field(default_factory=set)
    shard_keys: set[str] = field(default_factory=set)
    """Keys under which the samples stand in the shards."""

    def what(self) -> str:
        """Returns what the query named, in words."""
        key = next((sample for sample in self.samples if sample.key in self.names), None)
        if self.query in self.names and self.documents and key is None:
            return f"page {self.documents[0].url} (document {self.documents[0].document_id})"
        if key is not None:
            return f"{key.kind.value} sample {key.key} of {key.url or key.source_id}"
        if self.texts:
            return f"text {self.texts[0].text_id}"
        return f"image {self.query}" if self.image_ids or self.image_urls else f"record {self.query}"

    @property
    def is_image(self) -> bool:
        """Whether an image was asked for, not the page or sample that it stands in."""
        return not self.documents and not self.texts and bool(self.image_ids or self.image_urls)

    def caption_alone(self) -> bool:
        """Returns whether a caption sample was asked for: of its page only that image is its life."""
        return any(sample.key == self.query and sample.kind is SampleKind.CAPTION for sample in self.samples)

    def all_names(self) -> set[str]:
        """Returns every name under which something can have been rejected."""
        occurrences = {document.occurrence for document in self.documents}
        samples = {sample.key for sample in self.samples}
        return {*self.names, *self.image_ids, *self.image_urls, *occurrences, *samples}

    def parents(self) -> set[str]:
        """Returns the names that a rejection of a part of it has as its parent."""
        if self.caption_alone():
            return {self.query}
        return {*self.names, *(document.occurrence for document in self.documents)}

    def paragraphs(self) -> dict[str, str]:
        """Returns its paragraphs by the digest that they were counted by."""
        return {
            paragraph_digest(document.domain, paragraph): paragraph
            for document in self.documents
            for _, segment in document.texts()
            for paragraph in segment.text.split("\n\n")
        }


def find_subject(folder: RunFolder, query: str) -> Subject:
    """Returns what ``query`` means in a run; a subject without anything where the run does not know it."""
    subject = Subject(query=query, names={query, *_document_ids(query)})
    subject.names |= _sources_of_shard_key(folder, query)
    subject.samples = _samples(folder, {"key": subject.names})
    subject.names |= {sample.source_id for sample in subject.samples}
    subject.documents = list(find(folder, "interleave", "", Document, {"document_id": subject.names}))
    if not subject.documents:
        subject.documents = _document_of_record(folder, query)
        subject.names |= {document.document_id for document in subject.documents}
    subject.texts = list(find(folder, "interleave", "texts", TextRow, {"text_id": subject.names}))
    _add_images(folder, subject)
    _add_samples(folder, subject)
    subject.shard_keys = _shard_keys(folder, {sample.key for sample in subject.samples})
    return subject


def _document_ids(query: str) -> set[str]:
    try:
        return {document_id(normalise_page_url(query))} if "://" in query else set()
    except UrlError:
        return set()


def _document_of_record(folder: RunFolder, query: str) -> list[Document]:
    archive, colon, offset = query.rpartition(":")
    if not colon or not offset.isdigit():
        return []
    found = find(folder, "interleave", "", Document, {"archive": {archive}})
    return [document for document in found if document.record_offset == int(offset)]


def _samples(folder: RunFolder, where: Mapping[str, Collection[str]]) -> list[PoolSample]:
    return [sample for kind in KINDS for sample in find(folder, "select", kind, PoolSample, where)]


def _add_images(folder: RunFolder, subject: Subject) -> None:
    """Adds the images that the query names, or that its page or sample has."""
    if subject.documents and not subject.caption_alone():
        images = [image for document in subject.documents for _, image in document.images()]
        subject.image_urls |= {image.url for image in images}
        subject.image_ids |= {image.image_id for image in images if image.image_id}
    for sample in subject.samples:
        subject.image_urls |= {image.url for image in sample.images() if image.url}
        subject.image_ids |= {image.image_id for image in sample.images()}
    # The same bytes have other URLs too: those belong to an image that is asked for, not to a page that shows it.
    where = {"url": {*subject.image_urls, subject.query}, "image_id": {subject.query}}
    for row in find(folder, "fetch", "fetches", FetchedUrl, where):
        subject.image_urls.add(row.url)
        if row.image_id:
            subject.image_ids.add(row.image_id)
    for pair in find(folder, "fetch", "pairs", ImagePair, {"pair_id": subject.names, "image_id": {subject.query}}):
        subject.names.add(pair.pair_id)
        subject.image_ids.add(pair.image_id)


def _add_samples(folder: RunFolder, subject: Subject) -> None:
    """Adds the samples that were made of it: of a page, text or pair by its id, of an image by its own."""
    where: dict[str, set[str]] = {"key": subject.names, "source_id": subject.names}
    if not subject.documents and not subject.samples:
        where["segments.image_id"] = subject.image_ids
    known = {sample.key for sample in subject.samples}
    if known and subject.query in known:
        return  # One sample was asked for: its siblings of the same page are not its life.
    subject.samples += [sample for sample in _samples(folder, where) if sample.key not in known]


def _shard_keys(folder: RunFolder, samples: set[str]) -> set[str]:
    pieces = list(find(folder, "mix", "pieces", Piece, {"sample": samples}))
    repeats = range(MAX_REPEATS)
    keys = {piece_key(p.sample, piece=p.piece, pieces=p.pieces, repeat=r) for p in pieces for r in repeats}
    return keys | {part.key for part in find(folder, "mix", "split", SplitPart, {"sample": samples})}


def _sources_of_shard_key(folder: RunFolder, query: str) -> set[str]:
    """Returns the sample and source that a key of the shards was made of."""
    pieces = list(find(folder, "mix", "pieces", Piece, {"key": {query}}))
    parts = list(find(folder, "mix", "split", SplitPart, {"key": {query}}))
    if pieces or parts:
        return {piece.sample for piece in pieces} | {part.sample for part in parts}
    for name, line in find_lines(folder, {query}):
        source = _stored_source(folder, name, line)
        if source:
            return {source}
    return set()


def _stored_source(folder: RunFolder, name: str, line: IndexLine) -> str | None:
    shards = shards_folder(folder.root)
    found = None if shards is None else stored_meta(storage.join(shards, name), line).get("source", {}).get("id")
    return None if found is None else str(found)


def find_lines(folder: RunFolder, keys: set[str]) -> Iterator[tuple[str, IndexLine]]:
    """Yields ``(shard, index line)`` of every stored sample that has one of the keys."""
    if keys:
        for name, path in _index_files(folder):
            for line in find_in_file(path, IndexLine, {"key": keys}):
                yield name, line


def _index_files(folder: RunFolder) -> Iterator[tuple[str, str]]:
    shards, manifest = shards_folder(folder.root), read_manifest(folder.root)
    if shards is None or manifest is None:
        return
    for shard in manifest.shards:
        yield shard.name, storage.join(shards, shard.index_name)
