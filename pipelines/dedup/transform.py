"""The pipeline of ``dedup``: images are counted, places judged by part, then documents and paragraphs compared.

Ids, hashes and counts travel in batches, one for each part and bucket; no text and no image does.
"""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.dedup.documents.transforms import CompareDocuments, CountParagraphs
from pipelines.dedup.evaluation import evaluation_files
from pipelines.dedup.images.groups import PART, VERDICT
from pipelines.dedup.images.transforms import CountImages
from pipelines.dedup.judge_places import JudgePlaces
from pipelines.dedup.plans import PLACES, image_buckets, num_parts
from pipelines.dedup.write_verdicts import WriteDocumentVerdicts, WriteImageVerdicts
from pipelines.runs.job import Job, JobContext
from pipelines.runs.tagged import of_stream
from pipelines.runs.transforms import RunGroups
from schemas.recipe import Recipe
from schemas.summary import WorkReport


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the job."""
    images = root | "Images" >> CountImages(context)
    facts = images | "Facts" >> beam.FlatMap(of_stream, PART)
    place_reports = facts | "Places" >> RunGroups(context, JudgePlaces(context), num_parts, phase=PLACES)
    fates = place_reports | "Documents" >> CompareDocuments(context)
    verdicts = images | "Verdicts" >> beam.FlatMap(of_stream, VERDICT)
    reports = [
        verdicts | "Write images" >> RunGroups(context, WriteImageVerdicts(context), image_buckets, phase="images"),
        place_reports,
        fates | "Write documents" >> RunGroups(context, WriteDocumentVerdicts(context), num_parts, phase="documents"),
    ]
    if context.recipe.dedup.paragraphs.max_per_domain is not None:
        reports.append(fates | "Paragraphs" >> CountParagraphs(context))
    return reports | "Reports" >> beam.Flatten()


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return {"dedup": recipe.dedup}


def _inputs(recipe: Recipe) -> list[str]:
    return evaluation_files(recipe.dedup.decontaminate)


JOB = Job(name="dedup", unit="image", needs=("interleave", "fetch"), settings=_settings, inputs=_inputs, build=build)
