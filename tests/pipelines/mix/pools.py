"""Pools made from a seed: a run folder as ``select``, ``recaption`` and ``fetch`` leave it, for ``mix`` to work on."""

import io
import json
import pathlib
import random
import tarfile
from collections.abc import Sequence
from typing import Any

from PIL import Image

from pipelines.engines.settings import EngineSettings
from pipelines.mix.transform import JOB
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.runner import run_line
from schemas.digests import image_id, keyed_digest
from schemas.images import ImagePointer
from schemas.json_form import from_json
from schemas.manifest import Manifest
from schemas.recipe import FetchSettings, InputSettings, MixtureSettings, Recipe
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind
from schemas.summary import JobSummary, PartRecord

WORDS = (
    *("a", "the", "cat", "dog", "house", "river", "stone", "blue", "green", "light"),
    *("walks", "sees", "under", "over", "old", "new", "bright", "quiet", "town", "sea"),
)
INPROC = EngineSettings(name="inproc")


def small_mixture(**changes: object) -> MixtureSettings:
    """Returns settings that give many rows from few samples."""
    values: dict[str, object] = {
        "sequence_length": 256,
        "tokens_per_image": 9,
        "images_per_row": 4,
        "rows_per_shard": 8,
        "vocabulary": 400,
    }
    return MixtureSettings(**{**values, **changes})  # type: ignore[arg-type]


def make_recipe(run: pathlib.Path, mixture: MixtureSettings, seed: int = 7) -> Recipe:
    return Recipe(
        version=1,
        run=str(run),
        seed=seed,
        input=InputSettings(text=("x",)),
        fetch=FetchSettings(source="archive"),
        mixture=mixture,
    )


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)) + "."


def picture(number: int, side: int = 24) -> bytes:
    rng = random.Random(number)
    image = Image.new("RGB", (side + number % 5, side), tuple(rng.randrange(256) for _ in range(3)))
    image.putpixel((number % side, 3), (255, 255, 255))
    buffer = io.BytesIO()
    image.save(buffer, format=("JPEG", "PNG", "WEBP")[number % 3])
    return buffer.getvalue()


FORMATS = ("jpeg", "png", "webp")


class Pools:
    """A run folder under construction."""

    def __init__(self, run: pathlib.Path, seed: int = 1) -> None:
        self.run = run
        self._rng = random.Random(seed)
        self._images: list[PoolImage] = []
        self.samples: list[PoolSample] = []
        self.captions: list[CaptionRow] = []

    def add_images(self, count: int) -> None:
        context = JobContext(
            run=str(self.run), job="fetch", recipe=make_recipe(self.run, small_mixture()), fingerprint=""
        )
        with ItemOutput(context, 0, 1) as output:
            tar = output.tar("images")
            for number in range(count):
                data = picture(number)
                name = image_id(data)
                pointer = tar.add(f"{name}.bin", data)
                self._images.append(self._image(number, name, pointer))

    def _image(self, number: int, name: str, pointer: ImagePointer) -> PoolImage:
        return PoolImage(
            image_id=name,
            pointer=pointer,
            format=FORMATS[number % 3],
            width=24 + number % 5,
            height=24,
            url=f"https://example.org/{number}.img",
            alt=None,
            caption=None,
            score=0.25 + number / 1000,
        )

    def sample(self, kind: SampleKind, number: int, segments: Sequence[PoolText | PoolImage]) -> PoolSample:
        return PoolSample(
            key=keyed_digest("test sample", kind.value, str(number)),
            kind=kind,
            segments=tuple(segments),
            source_id=f"{kind.value}-{number}",
            url=f"https://site{number % 7}.example/{kind.value}/{number}",
            domain=f"site{number % 7}.example",
            archive="a.warc.gz",
            record_offset=number * 100,
        )

    def add(self, *, interleaved: int, caption: int, text: int, long_every: int = 9) -> None:
        rng = self._rng
        for number in range(interleaved):
            segments: list[PoolText | PoolImage] = [PoolText(text=sentence(rng, rng.randrange(3, 40)))]
            for _ in range(rng.randrange(1, 7 if number % long_every == 0 else 3)):
                segments.append(rng.choice(self._images))
                segments.append(PoolText(text="\n\n".join(sentence(rng, rng.randrange(3, 30)) for _ in range(2))))
            if number % long_every == 0:
                segments.append(PoolText(text="\n\n".join(sentence(rng, rng.randrange(5, 60)) for _ in range(12))))
            self.samples.append(self.sample(SampleKind.INTERLEAVED, number, segments))
        for number in range(caption):
            alt = sentence(rng, rng.randrange(3, 9))
            made = self.sample(SampleKind.CAPTION, number, [rng.choice(self._images), PoolText(text=alt)])
            self.samples.append(made)
            fused = None if number % 5 == 0 else f"Fused {alt}"
            self.captions.append(
                CaptionRow(
                    key=made.key, alt=alt, vlm=f"vlm {alt}", fused=fused, guard=None, captioner="x", fuser="rule"
                )
            )
        for number in range(text):
            words = 400 if number % long_every == 0 else rng.randrange(5, 120)
            self.samples.append(self.sample(SampleKind.TEXT, number, [PoolText(text=sentence(rng, words))]))

    def write(self, *, parts: int = 2, shuffle: int | None = None) -> None:
        """Commits the pools in so many parts, in the order of ``shuffle`` where it is given."""
        samples = list(self.samples)
        if shuffle is not None:
            random.Random(shuffle).shuffle(samples)
        records: list[PartRecord] = []
        for kind in SampleKind:
            chosen = [s for s in samples if s.kind is kind]
            records += self._commit_parts("select", kind.value, [chosen[n::parts] for n in range(parts)])
        self._commit("select", records)
        keys = [s.key for s in samples if s.kind is SampleKind.CAPTION]
        by_key = {row.key: row for row in self.captions}
        rows = [[by_key[key] for key in keys[n::parts] if key in by_key] for n in range(parts)]
        self._commit("recaption", self._commit_parts("recaption", "", rows))

    def _commit_parts(self, job: str, table: str, chunks: Sequence[Sequence[object]]) -> list[PartRecord]:
        context = JobContext(run=str(self.run), job=job, recipe=make_recipe(self.run, small_mixture()), fingerprint="")
        records: list[PartRecord] = []
        for number, chunk in enumerate(chunks):
            with ItemOutput(context, number, len(chunks)) as output:
                for record in chunk:
                    output.write(record, table)
            records += output.report.parts
        return records

    def _commit(self, job: str, parts: Sequence[PartRecord]) -> None:
        summary = JobSummary(job=job, fingerprint="", unit="sample", counts={}, totals={}, parts=tuple(parts))
        RunFolder(str(self.run)).commit(summary)


def standard_pools(run: pathlib.Path, **sizes: int) -> Pools:
    """Returns pools of a few hundred samples, not yet written."""
    pools = Pools(run)
    pools.add_images(40)
    pools.add(**{"interleaved": 120, "caption": 200, "text": 40, **sizes})
    return pools


def run_mix(run: pathlib.Path, mixture: MixtureSettings | None = None, engine: EngineSettings = INPROC) -> JobSummary:
    """Runs the job on a folder of pools and returns its summary."""
    (result,) = run_line(make_recipe(run, mixture or small_mixture()), [JOB], engine)
    assert result.summary is not None
    return result.summary


def read_manifest(run: pathlib.Path) -> Manifest:
    return from_json((run / "shards" / "manifest.json").read_bytes(), Manifest)


def read_metas(run: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the JSON members of the shards by key, in order, read with nothing but the standard library."""
    found = {}
    for path in sorted((run / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    file = tar.extractfile(member)
                    assert file is not None
                    found[member.name.removesuffix(".json")] = json.load(file)
    return found
