"""Wires the job: images are embedded once, then each part of documents and pairs scores its places."""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.imaging.hints import with_accelerator
from pipelines.imaging.models import model_files, model_name
from pipelines.joins.chunks import plan_chunks
from pipelines.joins.lookup import Found
from pipelines.joins.sources import list_sources
from pipelines.joins.transform import FindImages
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import RunGroups, RunItems
from pipelines.score.vectors import VectorIndex
from pipelines.score.workers import EmbedImages, ScorePlaces
from schemas.recipe import Recipe
from schemas.summary import WorkReport

SEED = Found("", 0, ())
"""Reaches every source, so that one without images is worked on too."""


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Embeds the images, then scores the places."""
    settings = context.recipe.score
    sources = list_sources(context.folder, ("documents", "pairs"))
    stored = context.folder.committed("fetch").table("")
    plan = plan_chunks(stored, context.folder.part_paths("fetch"), settings.batch_size)
    places = ScorePlaces(context.run, settings, sources, VectorIndex(plan, vector_paths(context, len(plan.chunks))))
    found = root | "Find images" >> FindImages(context, sources)
    seeds = root | "Every source" >> beam.Create([(source.number, SEED) for source in sources], reshuffle=False)
    if settings.model is None:
        return (found, seeds) | "All" >> beam.Flatten() | "Score" >> RunGroups(context, places, len(sources), "places")
    embedded = root | "Embed" >> with_accelerator(
        RunItems(context, EmbedImages(context.run, settings), list(plan.chunks), "images"), settings.accelerator
    )
    seeds = seeds | "After the images" >> beam.Map(_keep, done=_is_done(embedded))
    scored = (
        (found, seeds)
        | "All" >> beam.Flatten()
        | "Score" >> with_accelerator(RunGroups(context, places, len(sources), "places"), settings.accelerator)
    )
    return (embedded, scored) | "Reports" >> beam.Flatten()


def vector_paths(context: JobContext, count: int) -> list[str]:
    """Returns the paths of the vectors of every chunk of the store, in order."""
    return [
        context.folder.path(context.job, "vectors", f"part-images-{number:05d}-of-{count:05d}.tar")
        for number in range(count)
    ]


def job_settings(recipe: Recipe) -> Mapping[str, Any]:
    """Returns what scores depend on: not on the threshold that ``select`` holds them against."""
    score = recipe.score
    name = model_name(score.model, score.pretrained) if score.model else None
    return {"model": name, "texts": score.texts, "batch_size": score.batch_size}


def _is_done(reports: PCollection[WorkReport]) -> Any:
    return beam.pvalue.AsSingleton(reports | "Count" >> beam.combiners.Count.Globally())


def _keep(seed: tuple[int, Found], done: int) -> tuple[int, Found]:
    # The side input is there for one reason: its value exists only when all images are embedded.
    return seed


JOB = Job(
    name="score",
    unit="place",
    needs=("interleave", "fetch"),
    settings=job_settings,
    inputs=lambda recipe: model_files(recipe.score.model, recipe.score.pretrained),
    build=build,
)
