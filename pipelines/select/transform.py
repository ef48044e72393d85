"""Wires the job: what is known goes to the source it is about; its worker reads it, selects, and offers captions."""

import re
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.joins.lookup import Found, num_buckets
from pipelines.joins.sources import Source, list_sources, num_rows
from pipelines.joins.transform import FindImages, Lookup
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import RunGroups
from pipelines.select import captions, verdicts
from pipelines.select.facts import VERDICTS
from pipelines.select.settings import SelectSettings
from pipelines.select.workers import ChooseCaptions, SelectSources
from schemas.recipe import Recipe
from schemas.summary import WorkReport

SEED = Found("", 0, ())
"""Reaches every source, so that one of which nothing is known is worked on too."""

_SCORE_PART = re.compile(r"part-places-(?P<number>\d+)-of-\d+\.parquet$")


class FindVerdicts(beam.PTransform):
    """Finds the verdicts on each source's documents, places, paragraphs and images: ``(source, Found)``.

    Takes what ``FindImages`` found, for the ids of the images.
    """

    def __init__(self, context: JobContext, sources: list[Source]) -> None:
        super().__init__()
        dedup = context.folder.committed("dedup")
        self._paths = context.folder.part_paths("dedup")
        self._buckets = num_buckets(num_rows(dedup, ""))
        features = context.folder.part_paths("dedup", "features")
        self._items = list(verdicts.with_features([s for s in sources if s.kind == "documents"], features))

    def expand(self, images: PCollection[tuple[int, Found]]) -> PCollection[tuple[int, Found]]:
        root = images.pipeline
        asked = (
            root
            | "Documents" >> beam.Create(self._items, reshuffle=False)
            | "Spread documents" >> beam.Reshuffle()
            | "Ask for documents" >> beam.FlatMap(verdicts.ask_documents, self._buckets)
        )
        held = (
            root
            | "Parts" >> beam.Create(self._paths, reshuffle=False)
            | "Spread parts" >> beam.Reshuffle()
            | "Hold verdicts" >> beam.FlatMap(verdicts.hold_verdicts, self._buckets)
        )
        asked_ids = images | "Ask for ids" >> beam.FlatMap(verdicts.ask_image_ids, self._buckets)
        return (asked, asked_ids, held) | "Sides" >> beam.Flatten() | "Find" >> Lookup(VERDICTS)


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Selects from every source, then chooses among the captions that they offer."""
    sources = list_sources(context.folder)
    worker = SelectSources(SelectSettings.of(context.recipe), sources, score_paths(context))
    images = root | "Find images" >> FindImages(context, sources)
    judged = images | "Find verdicts" >> FindVerdicts(context, sources)
    seeds = root | "Every source" >> beam.Create([(source.number, SEED) for source in sources], reshuffle=False)
    selected = (
        (images, judged, seeds)
        | "All" >> beam.Flatten()
        | "Select" >> RunGroups(context, worker, len(sources), "sources")
    )
    chosen = _choose_captions(selected, context, len(sources))
    return (selected, chosen) | "Reports" >> beam.Flatten()


def _choose_captions(selected: PCollection[WorkReport], context: JobContext, count: int) -> PCollection[WorkReport]:
    paths = [captions.candidate_path(context, number, count) for number in range(count)]
    numbers = {path: number for number, path in enumerate(paths)}
    buckets = num_buckets(num_rows(context.folder.committed("fetch"), ""))
    offered = selected | "Offered" >> beam.FlatMap(captions.offered, numbers, context)
    lost = (
        offered
        | "Spread offers" >> beam.Reshuffle()
        | "Contenders" >> beam.FlatMap(captions.contenders, buckets)
        | "By image" >> beam.GroupByKey()
        | "Left out" >> beam.FlatMap(captions.lost)
    )
    every = offered | "Every offer" >> beam.Map(_seed)
    return (
        (lost, every)
        | "Choices" >> beam.Flatten()
        | "Captions" >> RunGroups(context, ChooseCaptions(paths), count, "captions")
    )


def score_paths(context: JobContext) -> dict[int, str]:
    """Returns the part of scores of each source that has one: ``score`` numbers its parts as the sources."""
    found = {path: _SCORE_PART.search(path) for path in context.folder.part_paths("score")}
    return {int(match["number"]): path for path, match in found.items() if match}


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
