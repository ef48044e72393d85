"""Wires the job: rows of the caption pool in chunks, each captioned by one worker. Nothing is shuffled but chunks."""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.imaging.hints import with_accelerator
from pipelines.imaging.models import model_files
from pipelines.joins.chunks import Chunk, plan_chunks
from pipelines.recaption.captioners import captioner_name
from pipelines.recaption.fusers import RULES_VERSION
from pipelines.recaption.workers import CaptionSamples
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import RunItems
from schemas.recipe import Recipe
from schemas.summary import WorkReport


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Captions the caption pool."""
    recipe = context.recipe
    worker = CaptionSamples(context.run, recipe.recaption, recipe.text.languages)
    return root | "Caption" >> with_accelerator(RunItems(context, worker, caption_chunks), recipe.recaption.accelerator)


def caption_chunks(context: JobContext) -> tuple[Chunk, ...]:
    """Returns the chunks of the caption pool."""
    parts = context.folder.committed("select").table("caption")
    paths = [context.folder.path(part.path) for part in parts]
    return plan_chunks(parts, paths, context.recipe.recaption.batch_size).chunks


def job_settings(recipe: Recipe) -> Mapping[str, Any]:
    """Returns who captions and fuses, and what the guards hold against it."""
    settings = recipe.recaption
    return {
        "captioner": captioner_name(settings),
        "fuser": f"{settings.fuser}:{RULES_VERSION if settings.fuser == 'rule' else settings.fuser_model}",
        "endpoint": settings.endpoint,
        "batch_size": settings.batch_size,
        "max_words": settings.max_words,
        "languages": recipe.text.languages,
    }


def _inputs(recipe: Recipe) -> list[str]:
    settings = recipe.recaption
    return model_files(settings.model, settings.pretrained) if settings.captioner in {"coca", "mm1"} else []


JOB = Job(
    name="recaption",
    unit="caption",
    needs=("fetch", "select"),
    settings=job_settings,
    inputs=_inputs,
    libraries=lambda recipe: {"coca": ("open_clip",), "mm1": ("torch",)}.get(recipe.recaption.captioner, ()),
    build=build,
)
