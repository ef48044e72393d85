"""The pipeline of ``fetch``: URLs by bucket to the store, pairs to the store, then one row for each content."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.fetch import plans, portions
from pipelines.fetch.archive_index import index_archive
from pipelines.fetch.fetch_urls import FetchHosts, FetchPortion, FetchUrls, UrlPlace
from pipelines.fetch.pick_images import Candidate, PickImages, to_candidate
from pipelines.fetch.store import CANDIDATES
from pipelines.fetch.store_embedded import StoreEmbedded
from pipelines.fetch.store_pairs import StorePairs
from pipelines.fetch.urls import read_urls
from pipelines.inputs.planning import WorkItem
from pipelines.runs.folder import read_part
from pipelines.runs.job import Job, JobContext
from pipelines.runs.planning import Late, Planned
from pipelines.runs.tagged import of_stream
from pipelines.runs.transforms import Elements, RunGroups, RunItems, RunSeries, Spread
from schemas.digests import keyed_bucket
from schemas.images import StoredImage
from schemas.recipe import FolderSource, Recipe
from schemas.summary import WorkReport


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the job."""
    fetch_urls = _fetch_hosts if context.recipe.fetch.source == "web" else _fetch_urls
    stored = (
        fetch_urls(root, context),
        root | "Embedded" >> RunItems(context, StoreEmbedded(context), plans.embedded_parts, phase="embedded"),
        root | "Pairs" >> RunItems(context, StorePairs(context), plans.pair_parts, phase="pairs"),
    )
    picked = (
        stored
        | "Stored" >> beam.Flatten()
        | "Candidate parts" >> beam.FlatMap(_candidate_parts, context)
        | "Spread parts" >> beam.Reshuffle()
        | "Read candidates" >> beam.FlatMap(Late(_read_candidates, Planned(context, plans.image_buckets)))
        | "Pick" >> RunGroups(context, PickImages(), plans.image_buckets, phase="images")
    )
    return (*stored, picked) | "Reports" >> beam.Flatten()


def _fetch_urls(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the sources that are asked by hash of the URL: nobody minds which worker asks."""
    count = Planned(context, plans.url_buckets)
    places = [
        root
        | "Documents" >> Spread(context, plans.document_parts)
        | "Read URLs" >> beam.FlatMap(Late(_wanted_urls, count))
    ]
    if context.recipe.fetch.source == "archive":
        places.append(
            root
            | "Archives" >> Spread(context, plans.archive_items)
            | "Index" >> beam.FlatMap(Late(_archived_urls, count))
        )
    fetching = RunGroups(context, FetchUrls(context), plans.url_buckets, phase="urls")
    return places | "Places" >> beam.Flatten() | "Fetch" >> fetching


def _fetch_hosts(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the web: all URLs of a host are asked by one worker at a time, in portions where there are many."""
    cut = (
        root
        | "Documents" >> Spread(context, plans.numbered_document_parts)
        | "Count hosts" >> beam.FlatMap(Late(portions.count_hosts, Planned(context, plans.host_buckets)))
        | "Group hosts" >> beam.GroupByKey()
        | "Plan portions" >> beam.FlatMap(portions.plan_portions, plans.URLS_PER_PORTION)
    )
    paths, count = Planned(context, plans.document_parts), Planned(context, plans.url_buckets)
    urls = (
        (root | "Parts" >> Elements(context, plans.uncut_parts), cut)
        | "Parts and portions" >> beam.Flatten()
        | "Group parts" >> beam.GroupByKey()
        | "Route URLs" >> beam.FlatMap(Late(portions.route_urls, paths, count))
    )
    whole = (
        urls
        | "Of hosts" >> beam.FlatMap(of_stream, portions.HOST)
        | "Fetch" >> RunGroups(context, FetchHosts(context), plans.url_buckets, phase="urls")
    )
    in_turn = (
        urls
        | "Of portions" >> beam.FlatMap(of_stream, portions.PORTION)
        | "Group portions" >> beam.GroupByKey()
        | "Write portions" >> beam.Map(portions.write_portion, context)
        | "Fetch portions" >> RunSeries(context, FetchPortion(context), phase="host")
    )
    return (whole, in_turn) | "Fetched" >> beam.Flatten()


def _wanted_urls(path: str, count: int) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    yield from _by_bucket(((url, "", "", 0, 0) for url in read_urls(path)), count)


def _archived_urls(item: WorkItem, count: int) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    yield from _by_bucket(index_archive(item), count)


def _by_bucket(places: Iterable[UrlPlace], count: int) -> Iterator[tuple[int, tuple[UrlPlace, ...]]]:
    # In batches, since an element of a pipeline costs far more than a URL.
    buckets: dict[int, list[UrlPlace]] = defaultdict(list)
    for place in places:
        buckets[keyed_bucket("url", place[0], count)].append(place)
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
