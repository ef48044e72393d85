"""What one work item does: captions the images of some rows of the caption pool, guards and fuses them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines.imaging.decode import UndecodableImageError
from pipelines.imaging.prepare import prepared_images
from pipelines.joins.chunks import Chunk, batched, read_chunk
from pipelines.recaption.captioners import load_captioner
from pipelines.recaption.fusers import load_fuser
from pipelines.recaption.guards import Refused, refuse
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.images import ImagePointer
from schemas.recipe import RecaptionSettings
from schemas.samples import CaptionRow, PoolSample, PoolText


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What a model wrote, after the guards."""

    text: str | None
    refused: Refused | None = None


NOTHING = Guarded(text=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleImage:
    """The image of a caption sample."""

    sample: PoolSample

    @property
    def pointer(self) -> ImagePointer:
        """Where its bytes lie."""
        return self.sample.images()[0].pointer

    @property
    def format(self) -> str:
        """As the store read it from the bytes."""
        return self.sample.images()[0].format


class CaptionSamples(Worker[Chunk]):
    """Captions some rows of the caption pool. Every row goes out, with its alt text where nothing else is."""

    def __init__(self, run: str, settings: RecaptionSettings, languages: tuple[str, ...]) -> None:
        self._run, self._settings, self._languages = run, settings, languages

    def setup(self) -> None:
        self._captioner = load_captioner(self._settings)
        self._fuser = load_fuser(self._settings) if self._captioner else None

    def run(self, item: Chunk, output: ItemOutput) -> None:
        for batch in batched(self._prepared(read_chunk(item, PoolSample)), self._settings.batch_size):
            alts = [caption_text(image.sample) for image, _ in batch]
            captions = self._caption([picture for _, picture in batch])
            fused = self._fuse(alts, captions)
            for (image, _), alt, caption, sentence in zip(batch, alts, captions, fused, strict=True):
                output.write(self._row(image.sample.key, alt, caption, sentence))
                output.count("caption", n_in=1, n_out=1)
                for name, guarded in (("vlm", caption), ("fused", sentence)):
                    output.total(name, guarded.text is not None)
                    output.total(f"{name}_refused", guarded.refused is not None)

    def _prepared(self, samples: Iterator[PoolSample]) -> Iterator[tuple[SampleImage, Any]]:
        """Yields the samples' images as the captioner takes them, or an error where one cannot be decoded."""
        images = (SampleImage(sample=sample) for sample in samples)
        if self._captioner is None:
            yield from ((image, None) for image in images)
        else:
            prepare, threads = self._captioner.prepare, self._captioner.threads
            yield from prepared_images(self._run, images, prepare, threads=threads)

    def _caption(self, pictures: list[Any]) -> list[Guarded]:
        if self._captioner is None:
            return [NOTHING] * len(pictures)
        is_readable = [not isinstance(picture, UndecodableImageError) for picture in pictures]
        readable = list(itertools.compress(pictures, is_readable))
        written = iter(self._captioner.caption(readable) if readable else [])
        # An image that cannot be decoded has no caption: the guard "failed" records it.
        captions = [next(written) if readable else None for readable in is_readable]
        return [self._guard(caption, self._captioner.prompt) for caption in captions]

    def _fuse(self, alts: list[str], captions: list[Guarded]) -> list[Guarded]:
        if self._fuser is None:
            return [NOTHING] * len(alts)
        pairs = [(alt, caption.text) for alt, caption in zip(alts, captions, strict=True) if caption.text is not None]
        written = iter(self._fuser.fuse(pairs) if pairs else [])
        return [
            self._guard(next(written), self._fuser.prompt) if caption.text is not None else NOTHING
            for caption in captions
        ]

    def _guard(self, written: str | None, prompt: str) -> Guarded:
        if written is None:
            return Guarded(text=None, refused=Refused.FAILED)
        text = " ".join(written.split())
        refused = refuse(text, max_words=self._settings.max_words, languages=self._languages, prompt=prompt)
        return Guarded(text=None if refused else text, refused=refused)

    def _row(self, key: str, alt: str, caption: Guarded, fused: Guarded) -> CaptionRow:
        refused = [f"{name}:{g.refused.value}" for name, g in (("vlm", caption), ("fused", fused)) if g.refused]
        return CaptionRow(
            key=key,
            alt=alt,
            vlm=caption.text,
            fused=fused.text,
            guard=refused[0] if refused else None,
            captioner=self._captioner.name if self._captioner else None,
            fuser=self._fuser.name if self._fuser else None,
        )


def caption_text(sample: PoolSample) -> str:
    """Returns the caption of a caption sample: what the source said of its image."""
    return " ".join(segment.text for segment in sample.segments if isinstance(segment, PoolText))
