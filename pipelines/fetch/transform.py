"""The pipeline of ``fetch``: URLs by bucket to the store, pairs to the store, then one row for each content."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from pipelines.fetch.archive_index import index_archive
from pipelines.fetch.fetch_urls import FetchUrls, UrlPlace
from pipelines.fetch.pick_images import Candidate, PickImages, to_candidate
from pipelines.fetch.store import CANDIDATES
from pipelines.fetch.store_embedded import StoreEmbedded
from pipelines.fetch.store_pairs import StorePairs
from pipelines.fetch.urls import count_segments, read_urls, url_bucket
from pipelines.inputs.pairs import pair_files
from pipelines.inputs.planning import ItemKind, WorkItem, plan_pages
from pipelines.runs import storage
from pipelines.runs.folder import read_part
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import RunGroups, RunItems
from schemas.digests import keyed_bucket
from schemas.images import StoredImage
from schemas.recipe import FolderSource, Recipe
from schemas.summary import WorkReport

URLS_PER_BUCKET = 1_000
IMAGES_PER_BUCKET = 50_000
BYTES_OF_A_PAIR = 20_000
"""About what an image of a pair takes: turns the size of an input into a number of buckets, nothing else."""


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the job."""
    embedded = context.folder.part_paths("interleave", "embedded")
    stored = (
        _fetch_urls(root, context),
        root | "Embedded" >> RunItems(context, StoreEmbedded(context), embedded, phase="embedded"),
        root | "Pairs" >> RunItems(context, StorePairs(context), _pair_files(context.recipe), phase="pairs"),
    ) | "Stored" >> beam.Flatten()
    picked = (
        stored
        | "Candidate parts" >> beam.FlatMap(_candidate_parts, context)
        | "Spread parts" >> beam.Reshuffle()
        | "Read candidates" >> beam.FlatMap(_read_candidates, _image_buckets(context))
        | "Pick" >> RunGroups(context, PickImages(), _image_buckets(context), phase="images")
    )
    return (stored, picked) | "Reports" >> beam.Flatten()


def _fetch_urls(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    paths = context.folder.part_paths("interleave")
    count = max(1, math.ceil(sum(count_segments(path) for path in paths) / URLS_PER_BUCKET))
    by_host = context.recipe.fetch.source == "web"
    wanted = (
        root
        | "Documents" >> beam.Create(paths, reshuffle=False)
        | "Spread documents" >> beam.Reshuffle()
        | "Read URLs" >> beam.FlatMap(_wanted_urls, count, by_host)
    )
    places = [wanted]
    if context.recipe.fetch.source == "archive":
        places.append(
            root
            | "Archives" >> beam.Create(_archives(context.recipe), reshuffle=False)
            | "Spread archives" >> beam.Reshuffle()
            | "Index" >> beam.FlatMap(_archived_urls, count)
        )
    return places | "Places" >> beam.Flatten() | "Fetch" >> RunGroups(context, FetchUrls(context), count, phase="urls")


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


def _archives(recipe: Recipe) -> list[WorkItem]:
    items = plan_pages(recipe.input.pages, recipe.input.limit)
    return [item for item in items if item.kind is ItemKind.ARCHIVE]


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


def _image_buckets(context: JobContext) -> int:
    n_urls = sum(count_segments(path) for path in context.folder.part_paths("interleave"))
    pair_bytes = sum(storage.size(path) for path in _pair_files(context.recipe) if storage.exists(path))
    return max(1, math.ceil((n_urls + pair_bytes / BYTES_OF_A_PAIR) / IMAGES_PER_BUCKET))


def _pair_files(recipe: Recipe) -> list[str]:
    return pair_files(recipe.input.pairs, recipe.input.limit)


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return {"fetch": recipe.fetch, "pairs": recipe.input.pairs, "limit": recipe.input.limit}


def _inputs(recipe: Recipe) -> list[str]:
    folder = [recipe.fetch.source.folder] if isinstance(recipe.fetch.source, FolderSource) else []
    archives = [path for item in _archives(recipe) for path in item.paths] if recipe.fetch.source == "archive" else []
    return [*_pair_files(recipe), *folder, *dict.fromkeys(archives)]


JOB = Job(name="fetch", unit="url", needs=("interleave",), settings=_settings, inputs=_inputs, build=build)
