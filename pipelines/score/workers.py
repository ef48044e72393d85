"""What the two steps of the job do with one work item. See ``README.md`` for why there are two."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.imaging.decode import UndecodableImageError
from pipelines.imaging.prepare import prepared_images
from pipelines.joins.chunks import Chunk, batched, read_chunk
from pipelines.joins.images import ImageFacts, LocatedImage, image_facts
from pipelines.joins.lookup import Found
from pipelines.joins.places import Place, read_pairs, read_places
from pipelines.joins.sources import Source
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.planning import Planned
from pipelines.runs.transforms import Worker
from pipelines.score.cosine import PAIR_TEXTS, distinct_texts, score_place
from pipelines.score.plans import scored_sources, vector_index
from pipelines.score.vectors import VECTOR, VectorWriter
from schemas.images import StoredImage
from schemas.recipe import ScoreSettings, TextSource
from schemas.rejections import Rejection, RejectReason
from schemas.scores import ImageEmbedding

if TYPE_CHECKING:
    from torch import Tensor

    from pipelines.imaging.clip import ClipModel

Prepared = tuple[StoredImage, "Tensor | UndecodableImageError"]
"""An image with its pixels, or why it has none."""

WINDOW_BATCHES = 16
"""Batches of places that are scored together: a text that returns among them is embedded once."""


class EmbedImages(Worker[Chunk]):
    """Embeds every image of some rows of the store, in their order."""

    def __init__(self, run: str, settings: ScoreSettings) -> None:
        self._run, self._settings = run, settings

    def setup(self) -> None:
        self._clip = load_model(self._settings)

    def run(self, item: Chunk, output: ItemOutput) -> None:
        vectors = VectorWriter(output.tar("vectors"))
        images = read_chunk(item, StoredImage)
        prepared = prepared_images(self._run, images, self._clip.prepare, threads=self._clip.threads)
        for batch in batched(prepared, self._settings.batch_size):
            for (image, _), vector_W in zip(batch, self._embed(batch, output), strict=True):
                vectors.write(vector_W)
                if not np.isnan(vector_W[0]):
                    output.write(ImageEmbedding(image_id=image.image_id, embedding=vector_W.tobytes()), "embeddings")
                    output.count("image", n_out=1)
        vectors.flush()

    def _embed(self, batch: list[Prepared], output: ItemOutput) -> NDArray[np.float16]:
        """Returns ``(len(batch), width)``; a row of NaN where an image gave none, which is recorded."""
        vectors_BW = np.full((len(batch), self._clip.width), np.nan, VECTOR)
        readable = {
            row: pixels for row, (_, pixels) in enumerate(batch) if not isinstance(pixels, UndecodableImageError)
        }
        if readable:
            vectors_BW[list(readable)] = self._clip.embed_images(list(readable.values()))
        for row, (image, pixels) in enumerate(batch):
            output.count("image", n_in=1)
            if not np.isfinite(vectors_BW[row]).all():
                vectors_BW[row] = np.nan
                detail = "the model gives no finite embedding" if row in readable else str(pixels)
                output.reject("image", _broken("image", image.image_id, None, detail))
        return vectors_BW


class ScorePlaces(Worker[tuple[int, list[Found]]]):
    """Scores the places of one part of documents or pairs."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._settings = context, context.recipe.score

    def setup(self) -> None:
        self._sources = Planned(self._context, scored_sources).value()
        self._vectors = Planned(self._context, vector_index).value()
        self._clip = load_model(self._settings) if self._settings.model else None

    def run(self, item: tuple[int, list[Found]], output: ItemOutput) -> None:
        number, found = item
        source, facts = self._sources[number], image_facts(found)
        asked = PAIR_TEXTS if source.kind == "pairs" else self._settings.texts
        for window in batched(_fetched(source, facts), WINDOW_BATCHES * self._settings.batch_size):
            self._score(window, asked, output)

    def _score(
        self, window: list[tuple[Place, LocatedImage]], asked: tuple[TextSource, ...], output: ItemOutput
    ) -> None:
        vectors = self._image_vectors([image for _, image in window])
        texts = self._text_vectors([place for place, _ in window], asked)
        for place, image in window:
            output.count("place", n_in=1)
            image_id = image.stored.image_id
            vector_W = vectors.get((image.part, image.row))
            if vector_W is not None and np.isnan(vector_W[0]):
                item = f"{place.document_id}:{place.position}"
                output.reject("place", _broken("place", item, place.document_id, f"image {image_id}"))
                continue
            output.write(score_place(place, image_id, vector_W, texts, asked))
            output.count("place", n_out=1)

    def _text_vectors(self, places: list[Place], asked: tuple[TextSource, ...]) -> dict[str, NDArray[np.float32]]:
        texts = distinct_texts(places, asked)
        if self._clip is None or not texts:
            return {}
        return dict(zip(texts, self._clip.embed_texts(texts), strict=True))

    def _image_vectors(self, images: list[LocatedImage]) -> dict[tuple[int, int], NDArray[np.float16]]:
        """Returns the vectors of images by part and row of the store."""
        if self._clip is None:
            return {}
        return self._vectors.read({(image.part, image.row) for image in images}, self._clip.width)


def load_model(settings: ScoreSettings) -> "ClipModel":
    """Returns the model of the settings, loaded once in each process."""
    # Imports torch, which neither the launcher nor a run without scores needs.
    from pipelines.imaging.clip import load_clip

    assert settings.model is not None  # the caller's check
    return load_clip(settings.model, settings.pretrained, settings.batch_size)


def _fetched(source: Source, facts: ImageFacts) -> Iterator[tuple[Place, LocatedImage]]:
    is_pairs = source.kind == "pairs"
    for place in read_pairs(source.path) if is_pairs else read_places(source.path, with_texts=True):
        image = facts.image(place.image)
        if image is not None:
            yield place, image


def _broken(kind: str, item: str, parent: str | None, detail: str) -> Rejection:
    return Rejection(job="score", kind=kind, item=item, reason=RejectReason.BROKEN_IMAGE, detail=detail, parent=parent)
