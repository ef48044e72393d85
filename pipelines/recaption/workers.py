"""What one work item does: captions the images of some rows of the caption pool, guards and fuses them."""

from dataclasses import dataclass

from PIL import Image

from pipelines.imaging.decode import UndecodableImageError, decode_rgb
from pipelines.joins.chunks import Chunk, batched, read_chunk
from pipelines.recaption.captioners import load_captioner
from pipelines.recaption.fusers import load_fuser
from pipelines.recaption.guards import Refused, refuse
from pipelines.runs import storage
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.recipe import RecaptionSettings
from schemas.samples import CaptionRow, PoolSample, PoolText


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What a model wrote, after the guards."""

    text: str | None
    refused: Refused | None = None


NOTHING = Guarded(text=None)


class CaptionSamples(Worker[Chunk]):
    """Captions some rows of the caption pool. Every row goes out, with its alt text where nothing else is."""

    def __init__(self, run: str, settings: RecaptionSettings, languages: tuple[str, ...]) -> None:
        self._run, self._settings, self._languages = run, settings, languages

    def setup(self) -> None:
        self._captioner = load_captioner(self._settings)
        self._fuser = load_fuser(self._settings) if self._captioner else None

    def run(self, item: Chunk, output: ItemOutput) -> None:
        for batch in batched(read_chunk(item, PoolSample), self._settings.batch_size):
            alts = [caption_text(sample) for sample in batch]
            captions = self._caption(batch)
            fused = self._fuse(alts, captions)
            for sample, alt, caption, sentence in zip(batch, alts, captions, fused, strict=True):
                output.write(self._row(sample.key, alt, caption, sentence))
                output.count("caption", n_in=1, n_out=1)
                for name, guarded in (("vlm", caption), ("fused", sentence)):
                    output.total(name, guarded.text is not None)
                    output.total(f"{name}_refused", guarded.refused is not None)

    def _caption(self, samples: list[PoolSample]) -> list[Guarded]:
        if self._captioner is None:
            return [NOTHING] * len(samples)
        pictures = [self._decode(sample) for sample in samples]
        readable = [picture for picture in pictures if picture is not None]
        written = iter(self._captioner.caption(readable) if readable else [])
        captions = [next(written) if picture is not None else None for picture in pictures]
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

    def _decode(self, sample: PoolSample) -> Image.Image | None:
        image = sample.images()[0]
        path = storage.join(self._run, image.pointer.file)
        data = storage.read_range(path, image.pointer.offset, image.pointer.length)
        try:
            return decode_rgb(data, image.format)
        except UndecodableImageError:
            # The guard "failed" records it.
            return None

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
