"""Images over HTTP, as a source of the job."""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from aiohttp.abc import AbstractResolver

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.inspect_image import InspectedImage
from pipelines.fetch.results import Fetched, FetchRequest, FetchResult, Refused
from pipelines.fetch.urls import host_of
from pipelines.fetch.web.client import Answer, ClientSettings, GuardedClient, status_error
from pipelines.fetch.web.consent import Consent
from pipelines.fetch.web.errors import FetchError
from pipelines.fetch.web.guard import AddressRule, address_rule
from pipelines.fetch.web.schedule import Lane, drive, make_lanes
from schemas.recipe import FetchSettings
from schemas.rejections import RejectReason

Inspect = Callable[[bytes], InspectedImage]

ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/gif;q=0.9,*/*;q=0.1"
MAX_HOST_FAILURES = 5
"""After so many requests in a row that reached nobody, a host counts as down for the rest of its bucket."""

MAX_WAIT_S = 120.0
"""A longer Retry-After is not waited for: the URL is rejected and may be asked in a later run."""

BACK_OFF_S = 1.0
"""Before the first repeat, twice as long before each further one, where the server does not say."""

SPOOL_MEMORY = 64 << 20

_UNREACHED = frozenset(
    {RejectReason.TIMEOUT, RejectReason.DNS_ERROR, RejectReason.CONNECTION_ERROR, RejectReason.TLS_ERROR}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spooled:
    offset: int
    length: int
    status: int
    final_url: str | None
    inspected: InspectedImage | BadImageError | None


class WebSource:
    """Fetches URLs from the web. The answers of a bucket wait in a temporary file, so that they come out in order."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        inspect: Inspect | None = None,
        rule: AddressRule | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Makes a source.

        Args:
            settings: Of the recipe.
            inspect: Looks at each image in a thread, while others are on their way; None: nobody looks.
            rule: Which addresses may be asked; None: as the settings say.
            resolver: Of names; None: the machine's.
        """
        if settings.user_agent is None:
            raise ValueError("user_agent: source 'web' needs one")
        self._settings = settings
        self._inspect = inspect
        self._client_settings = ClientSettings(
            user_agent=settings.user_agent,
            deadline_s=settings.deadline_s,
            max_redirects=settings.max_redirects,
            connections=settings.connections,
            per_host=settings.per_host,
            ports=settings.ports,
            rule=rule or address_rule(allow_private=settings.allow_private_addresses),
            resolver=resolver,
        )

    def fetch(self, requests: Iterable[FetchRequest]) -> Iterator[FetchResult]:
        """Yields what each URL gave, in the order of the requests."""
        urls = [request.url for request in requests]
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY) as spool:
            bucket = _Bucket(self._settings, self._client_settings, spool, self._inspect)
            results = asyncio.run(bucket.run(urls))
            for url in urls:
                result = results[url]
                if isinstance(result, Refused):
                    yield result
                else:
                    spool.seek(result.offset)
                    yield Fetched(
                        url=url,
                        data=spool.read(result.length),
                        status=result.status,
                        final_url=result.final_url,
                        inspected=result.inspected,
                    )


class _Bucket:
    """One bucket of URLs being fetched."""

    def __init__(
        self, settings: FetchSettings, client_settings: ClientSettings, spool: IO[bytes], inspect: Inspect | None
    ) -> None:
        self._settings = settings
        self._client_settings = client_settings
        self._spool = spool
        self._inspect = inspect
        self._results: dict[str, _Spooled | Refused] = {}

    async def run(self, urls: list[str]) -> dict[str, _Spooled | Refused]:
        """Returns the outcome of every URL."""
        async with GuardedClient(self._client_settings) as client:
            self._client, self._consent = client, Consent(client, self._settings)
            await drive(
                make_lanes(urls, host_of),
                self._ask,
                connections=self._settings.connections,
                per_host=self._settings.per_host.connections,
            )
        return self._results

    async def _ask(self, lane: Lane, url: str, attempts: int) -> None:
        if lane.failures >= MAX_HOST_FAILURES:
            detail = f"{lane.host} did not answer {lane.failures} requests in a row"
            self._results[url] = Refused(url=url, reason=RejectReason.CONNECTION_ERROR, detail=detail)
            return
        try:
            answer = await self._client.get(
                url, max_bytes=self._settings.max_bytes, accept=ACCEPT, before_hop=self._consent.before
            )
            if answer.status != 200:
                raise status_error(answer, self._client_settings.now())
            await self._consent.after(answer)
        except FetchError as error:
            lane.failures = lane.failures + 1 if error.reason in _UNREACHED else 0
            self._refuse_or_wait(lane, url, attempts, error)
        else:
            lane.failures = 0
            self._results[url] = self._keep(url, answer, await self._inspected(answer.body))

    async def _inspected(self, data: bytes) -> InspectedImage | BadImageError | None:
        if self._inspect is None:
            return None
        try:
            # The thread only waits for the decoder process; meanwhile this loop goes on fetching.
            return await asyncio.to_thread(self._inspect, data)
        except BadImageError as error:
            return error.with_traceback(None)

    def _keep(self, url: str, answer: Answer, inspected: InspectedImage | BadImageError | None) -> _Spooled:
        # Nothing else writes while this runs: an event loop has one thread.
        offset = self._spool.seek(0, 2)
        self._spool.write(answer.body)
        final_url = answer.url if answer.url != url else None
        return _Spooled(
            offset=offset, length=len(answer.body), status=answer.status, final_url=final_url, inspected=inspected
        )

    def _refuse_or_wait(self, lane: Lane, url: str, attempts: int, error: FetchError) -> None:
        wait_s = error.retry_after_s if error.retry_after_s is not None else BACK_OFF_S * 2**attempts
        if error.is_temporary and attempts < self._settings.retries and wait_s <= MAX_WAIT_S:
            self._client.gate(url).pause(wait_s)
            lane.waiting.append((url, attempts + 1))
            return
        self._results[url] = Refused(
            url=url,
            reason=error.reason,
            detail=error.detail,
            value=error.value,
            threshold=error.threshold,
            status=error.status,
        )
