"""The work of one bucket of URLs: ask the source, inspect what it gives, store it, account for every URL."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Protocol, TypeVar

from pipelines.fetch.archive_source import ArchiveSource
from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.process import shared_decoder
from pipelines.fetch.folder_source import FolderSource
from pipelines.fetch.portions import Urls, read_portion
from pipelines.fetch.results import ArchivePlace, Fetched, FetchRequest, FetchResult, Refused
from pipelines.fetch.store import ItemStore, image_limits
from pipelines.fetch.web.source import WebSource
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas import recipe
from schemas.images import FetchedUrl
from schemas.rejections import Rejection

Item = TypeVar("Item")

FETCHES = "fetches"
UNIT = "url"

UrlPlace = tuple[str, str, str, int, int]
"""``(URL, crawl time, archive, offset, length)``: what goes through the shuffle. A wanted URL has an empty archive."""


class Source(Protocol):
    """Where images come from."""

    def fetch(self, requests: Iterable[FetchRequest]) -> Iterator[FetchResult]:
        """Yields what each URL gave, in the order of the requests."""


def open_source(settings: recipe.FetchSettings) -> Source:
    """Returns the source that a recipe names."""
    if isinstance(settings.source, recipe.FolderSource):
        return FolderSource(settings.source.folder, max_bytes=settings.max_bytes)
    if settings.source == "archive":
        return ArchiveSource(max_bytes=settings.max_bytes)
    return WebSource(settings, inspect=shared_decoder(image_limits(settings)).inspect)


class _Fetching(Worker[Item]):
    """Fetches the URLs of work items."""

    def __init__(self, context: JobContext) -> None:
        self._settings = context.recipe.fetch

    def setup(self) -> None:
        self._source = open_source(self._settings)

    def run(self, item: Item, output: ItemOutput) -> None:
        store = ItemStore(output, image_limits(self._settings))
        for result in self._source.fetch(self._requests(item)):
            output.count(UNIT, n_in=1)
            record_result(result, store, output)

    def _requests(self, item: Item) -> Iterator[FetchRequest]:
        """Yields the URLs of an item, each once, in order."""
        raise NotImplementedError


class FetchUrls(_Fetching[tuple[int, list[tuple[UrlPlace, ...]]]]):
    """Fetches one bucket of URLs, of which records of archives may be known."""

    def _requests(self, item: tuple[int, list[tuple[UrlPlace, ...]]]) -> Iterator[FetchRequest]:
        yield from requests_of(chain.from_iterable(item[1]))


class FetchHosts(_Fetching[tuple[int, list[Urls]]]):
    """Fetches all URLs of one bucket of hosts."""

    def _requests(self, item: tuple[int, list[Urls]]) -> Iterator[FetchRequest]:
        for url in sorted(set(chain.from_iterable(item[1]))):
            yield FetchRequest(url=url)


class FetchPortion(_Fetching[str]):
    """Fetches one portion of the URLs of a host, named by its path."""

    def _requests(self, item: str) -> Iterator[FetchRequest]:
        for url in read_portion(item):
            yield FetchRequest(url=url)


def requests_of(places: Iterable[UrlPlace]) -> Iterator[FetchRequest]:
    """Yields the wanted URLs among places, each once, in order, with the records that hold it."""
    for url, group in groupby(sorted(places), key=lambda place: place[0]):
        found = sorted(set(group))
        if any(not archive for _, _, archive, _, _ in found):
            records = tuple(
                ArchivePlace(crawl_time=crawl_time, archive=archive, offset=offset, length=length)
                for _, crawl_time, archive, offset, length in found
                if archive
            )
            yield FetchRequest(url=url, places=records)


def record_result(result: FetchResult, store: ItemStore, output: ItemOutput) -> None:
    """Stores what a URL gave and writes its row: an image, or a reason."""
    if isinstance(result, Refused):
        reject(result, UNIT, output)
        return
    try:
        image = store.keep(result.data, result.inspected)
    except BadImageError as error:
        reject(Refused.of(result.url, error, result), UNIT, output)
        return
    output.write(fetched_row(result, image), FETCHES)
    output.count(UNIT, n_out=1)


def fetched_row(result: Fetched, image_id: str) -> FetchedUrl:
    """Returns the row of a URL that gave an image."""
    return FetchedUrl(
        url=result.url,
        image_id=image_id,
        reason=None,
        status=result.status,
        final_url=result.final_url,
        n_bytes=len(result.data),
    )


def reject(refused: Refused, unit: str, output: ItemOutput) -> None:
    """Writes the row and the rejection of a URL that gave none."""
    row = FetchedUrl(
        url=refused.url,
        image_id=None,
        reason=refused.reason.value,
        status=refused.status,
        final_url=refused.final_url,
        n_bytes=0,
    )
    output.write(row, FETCHES)
    rejection = Rejection(
        job="fetch",
        kind=unit,
        item=refused.url,
        reason=refused.reason,
        value=refused.value,
        threshold=refused.threshold,
        detail=refused.detail,
    )
    output.reject(unit, rejection)
