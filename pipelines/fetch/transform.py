"""The pipeline of ``fetch``: URLs by bucket to the store, pairs to the store, then one row for each content."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.fetch import plans
from pipelines.fetch.archive_index import index_archive
from pipelines.fetch.fetch_urls import FetchUrls, UrlPlace
from pipelines.fetch.pick_images import Candidate, PickImages, to_candidate
from pipelines.fetch.store import CANDIDATES
from pipelines.fetch.store_embedded import StoreEmbedded
from pipelines.fetch.store_pairs import StorePairs
from pipelines.fetch.urls import read_urls, url_bucket
from pipelines.inputs.planning import WorkItem
from pipelines.runs.folder import read_part
from pipelines.runs.job import Job, JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.transforms import RunGroups, RunItems, Spread
from schemas.digests import keyed_bucket
from schemas.images import StoredImage
from schemas.recipe import FolderSource, Recipe
from schemas.summary import WorkReport


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the job."""
    stored = (
        _fetch_urls(root, context),
        root | "Embedded" >> RunItems(context, StoreEmbedded(context), plans.embedded_parts, phase="embedded"),
        root | "Pairs" >> RunItems(context, StorePairs(context), plans.pair_parts, phase="pairs"),
    ) | "Stored" >> beam.Flatten()
    picked = (
        stored
        | "Candidate parts" >> beam.FlatMap(_candidate_parts, context)
        | "Spread parts" >> beam.Reshuffle()
        | "Read candidates" >> beam.FlatMap(Late(_read_candidates, Planned(context, plans.image_buckets)))
        | "Pick" >> RunGroups(context, PickImages(), plans.image_buckets, phase="images")
    )
    return (stored, picked) | "Reports" >> beam.Flatten()


def _fetch_urls(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    count = Planned(context, plans.url_buckets)
    by_host = context.recipe.fetch.source == "web"
    wanted = (
        root
        | "Documents" >> Spread(context, plans.document_parts)
        | "Read URLs" >> beam.FlatMap(Late(_wanted_urls, count, by_host))
    )
    places = [wanted]
    if context.recipe.fetch.source == "archive":
        places.append(
            root
            | "Archives" >> Spread(context, plans.archive_items)
            | "Index" >> beam.FlatMap(Late(_archived_urls, count))
        )
    fetching = RunGroups(context, FetchUrls(context), plans.url_buckets, phase="urls")
    return places | "Places" >> beam.Flatten() | "Fetch" >> fetching


def _wanted_urls(path: str, count: int, by_host: bool) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    yield from _by_bucket(((url, "", "", 0, 0) for url in read_urls(path)), count, by_host)


def _archived_urls(item: WorkItem, count: int) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    yield from _by_bucket(index_archive(item), count, by_host=False)


def _by_bucket(places: Iterable[UrlPlace], count: int, by_host: bool) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    # In batches, since an element of a pipeline costs far more than a URL.
    buckets: dict[int, list[UrlPlace]] = defaultdict(list)
    for place in places:
        buckets[url_bucket(place[0], count, by_host=by_host)].append(place)
    for bucket, batch in buckets.items():
        yield bucket, tuple(batch)


def _candidate_parts(report: WorkReport, context: JobContext) -> Iterator[str]:
    for part in report.parts:
        if part.table == CANDIDATES:
            yield context.folder.path(part.path)


def _read_candidates(path: str, count: int) -> Iterator[tuple[int, tuple[Candidate, ...]]]:
    buckets: dict[int, list[Candidate]] = defaultdict(list)
    for image in read_part(path, StoredImage):
        buckets[keyed_bucket("image", image.image_id, count)].append(to_candidate(image))
    for bucket, batch in buckets.items():
        yield bucket, tuple(batch)


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return {"fetch": recipe.fetch, "pairs": recipe.input.pairs, "limit": recipe.input.limit}


def _inputs(recipe: Recipe) -> list[str]:
    folder = [recipe.fetch.source.folder] if isinstance(recipe.fetch.source, FolderSource) else []
    archives = (
        [path for item in plans.archives_of(recipe) for path in item.paths] if recipe.fetch.source == "archive" else []
    )
    return [*plans.pairs_of(recipe), *folder, *dict.fromkeys(archives)]


JOB = Job(name="fetch", unit="url", needs=("interleave",), settings=_settings, inputs=_inputs, build=build)
