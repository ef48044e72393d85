"""Wires the job: images are embedded once, then each part of documents and pairs scores its places."""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.imaging.hints import with_accelerator
from pipelines.imaging.models import model_files, model_name
from pipelines.joins.lookup import Found
from pipelines.joins.transform import FindImages
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import Elements, RunGroups, RunItems
from pipelines.score import plans
from pipelines.score.workers import EmbedImages, ScorePlaces
from schemas.recipe import Recipe
from schemas.summary import WorkReport


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Embeds the images, then scores the places."""
    settings = context.recipe.score
    scoring = RunGroups(context, ScorePlaces(context), plans.num_sources, "places")
    found = root | "Find images" >> FindImages(context, plans.scored_sources)
    seeds = root | "Every source" >> Elements(context, plans.seeds)
    if settings.model is None:
        return (*found, seeds) | "All" >> beam.Flatten() | "Score" >> scoring
    embedding = RunItems(context, EmbedImages(context.run, settings), plans.embedded_chunks, "images")
    embedded = root | "Embed" >> with_accelerator(embedding, settings.accelerator)
    seeds = seeds | "After the images" >> beam.Map(_keep, done=_is_done(embedded))
    scored = (*found, seeds) | "All" >> beam.Flatten() | "Score" >> with_accelerator(scoring, settings.accelerator)
    return (embedded, scored) | "Reports" >> beam.Flatten()


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
    libraries=lambda recipe: ("open_clip",) if recipe.score.model else (),
    build=build,
)
