"""Writes committed output of upstream jobs, so that one job can be run on known records."""

import io
import pathlib
from collections.abc import Mapping, Sequence

from PIL import Image

from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import commit_job
from schemas.digests import image_id
from schemas.images import StoredImage
from schemas.recipe import FetchSettings, InputSettings, Recipe, ScoreSettings
from schemas.summary import WorkReport

Tables = Mapping[str, Sequence[Sequence[object]]]
"""By table, the records of each of its parts."""


def recipe(run: pathlib.Path, **settings: object) -> Recipe:
    """Returns a recipe without scoring whose inputs are never read."""
    defaults: dict[str, object] = {"score": ScoreSettings(model=None, pretrained=None)}
    return Recipe(
        version=1,
        run=str(run),
        input=InputSettings(text=("unread",)),
        fetch=FetchSettings(source="archive"),
        **(defaults | settings),  # type: ignore[arg-type]
    )


def context_of(job: str, recipe: Recipe) -> JobContext:
    """Returns the context that the runner would give the workers of a job."""
    return JobContext(run=recipe.run, job=job, recipe=recipe, fingerprint=f"of {job}")


def commit(job: str, recipe: Recipe, tables: Tables, written: WorkReport | None = None, phase: str = "") -> None:
    """Writes the parts of a job's tables and commits it, with what was ``written`` before."""
    context = context_of(job, recipe)
    total = written or WorkReport()
    for table, parts in tables.items():
        for number, records in enumerate(parts):
            with ItemOutput(context, number, len(parts), phase) as output:
                for record in records:
                    output.write(record, table)
            total += output.report
    commit_job(total, context, "record")


def store(recipe: Recipe, parts: Sequence[Sequence[tuple[bytes, str]]]) -> tuple[list[list[StoredImage]], WorkReport]:
    """Writes images, given as bytes and format, into the tars of the store. Returns their rows and the report."""
    context = context_of("fetch", recipe)
    rows: list[list[StoredImage]] = []
    total = WorkReport()
    for number, images in enumerate(parts):
        with ItemOutput(context, number, len(parts)) as output:
            rows.append([_stored(data, image_format, output) for data, image_format in images])
        total += output.report
    return rows, total


def picture(colour: tuple[int, int, int], width: int = 200, height: int = 160, image_format: str = "PNG") -> bytes:
    """Returns an image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, image_format)
    return file.getvalue()


def _stored(data: bytes, image_format: str, output: ItemOutput) -> StoredImage:
    name = image_id(data)
    pointer = output.tar("images").add(f"{name}.{image_format}", data)
    width, height = (0, 0) if image_format == "broken" else Image.open(io.BytesIO(data)).size
    stored = StoredImage(
        image_id=name,
        pointer=pointer,
        format="png" if image_format == "broken" else image_format,
        width=width,
        height=height,
        phash=None,
        n_frames=1,
        exif_orientation=1,
    )
    output.write(stored)
    return stored
