"""Wires the job: what is known goes to the source it is about; its worker reads it, selects, and offers captions."""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.joins.lookup import SEED, Found
from pipelines.joins.plans import image_buckets
from pipelines.joins.transform import FindImages, Lookup
from pipelines.runs.job import Job, JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.transforms import Elements, RunGroups, Spread, of_several
from pipelines.select import captions, plans, verdicts
from pipelines.select.facts import VERDICTS
from pipelines.select.workers import ChooseCaptions, SelectSources
from schemas.recipe import Recipe
from schemas.summary import WorkReport


class FindVerdicts(beam.PTransform):
    """Finds the verdicts on each source's documents, places, paragraphs and images: ``(source, Found)``.

    Takes what ``FindImages`` found, for the ids of the images.
    """

    def __init__(self, context: JobContext) -> None:
        super().__init__()
        self._context = context
        self._buckets = Planned(context, plans.verdict_buckets)

    @of_several
    def expand(self, images: tuple[PCollection[tuple[int, Found]], ...]) -> PCollection[tuple[int, Found]]:
        root, context = images[0].pipeline, self._context
        asked = (
            root
            | "Documents" >> Spread(context, plans.documents_with_features)
            | "Ask for documents" >> beam.FlatMap(Late(verdicts.ask_documents, self._buckets))
        )
        held = (
            root
            | "Parts" >> Spread(context, plans.verdict_parts)
            | "Hold verdicts" >> beam.FlatMap(Late(verdicts.hold_verdicts, self._buckets))
        )
        found = images | "Found" >> beam.Flatten()
        asked_ids = found | "Ask for ids" >> beam.FlatMap(Late(verdicts.ask_image_ids, self._buckets))
        return (asked, asked_ids, held) | "Sides" >> beam.Flatten() | "Find" >> Lookup(VERDICTS)


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Selects from every source, then chooses among the captions that they offer."""
    images = root | "Find images" >> FindImages(context, plans.all_sources)
    judged = images | "Find verdicts" >> FindVerdicts(context)
    seeds = root | "Every source" >> Elements(context, plans.seeds)
    selected = (
        (*images, judged, seeds)
        | "All" >> beam.Flatten()
        | "Select" >> RunGroups(context, SelectSources(context), plans.num_sources, "sources")
    )
    return (selected, _choose_captions(selected, context)) | "Reports" >> beam.Flatten()


def _choose_captions(selected: PCollection[WorkReport], context: JobContext) -> PCollection[WorkReport]:
    numbers = Planned(context, plans.candidate_numbers)
    offered = selected | "Offered" >> beam.FlatMap(Late(captions.offered, numbers, context))
    lost = (
        offered
        | "Spread offers" >> beam.Reshuffle()
        | "Contenders" >> beam.FlatMap(Late(captions.contenders, Planned(context, image_buckets)))
        | "By image" >> beam.GroupByKey()
        | "Left out" >> beam.FlatMap(captions.lost)
    )
    every = offered | "Every offer" >> beam.Map(_seed)
    return (
        (lost, every)
        | "Choices" >> beam.Flatten()
        | "Captions" >> RunGroups(context, ChooseCaptions(context), plans.num_sources, "captions")
    )


def job_settings(recipe: Recipe) -> Mapping[str, Any]:
    """Returns the thresholds, and whether there are scores to hold them against."""
    score = {"is_on": recipe.score.model is not None, "min": recipe.score.min, "texts": recipe.score.texts}
    return {"text": recipe.text, "images": recipe.images, "pairs": recipe.pairs, "score": score}


def _seed(offer: tuple[int, str]) -> tuple[int, Found]:
    return offer[0], SEED


JOB = Job(
    name="select",
    unit="candidate",
    needs=("interleave", "fetch", "dedup", "score"),
    settings=job_settings,
    build=build,
)
