"""The one HTTP client: every request of the project to the web goes through ``GuardedClient.get``."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType

import ada_url
import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy
from yarl import URL

from pipelines.fetch.web.bodies import decode_body
from pipelines.fetch.web.errors import TRANSPORT_ERRORS, FetchError, as_fetch_error
from pipelines.fetch.web.guard import AddressRule, checked_url, guarded_connector
from pipelines.fetch.web.politeness import HostGate, retry_after_s
from schemas.recipe import PerHost
from schemas.rejections import RejectReason

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({429, 500, 502, 503, 504})
"""Statuses after which asking again may help (RFC 9110, sections 15.5 and 15.6; RFC 6585, section 4)."""

PIECE = 1 << 16

BeforeHop = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What the client needs to know."""

    user_agent: str
    deadline_s: float
    """Of one request, redirects included; waiting for a host's turn does not count."""

    max_redirects: int
    connections: int
    per_host: PerHost
    ports: tuple[int, ...]
    rule: AddressRule
    resolver: AbstractResolver | None = None
    tls: ssl.SSLContext | None = None
    """None: the machine's certificate authorities, TLS 1.2 and later."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer after redirects."""

    url: str
    """That answered."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    """Empty where the status is not 200."""


class GuardedClient:
    """Asks hosts politely, follows redirects itself and looks at every hop. Belongs to one event loop."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._gates: dict[str, HostGate] = {}

    async def __aenter__(self) -> "GuardedClient":
        settings = self.settings
        self._tls = settings.tls or strict_tls()
        self._session = aiohttp.ClientSession(
            connector=guarded_connector(settings.rule, settings.connections, settings.resolver),
            # The deadline is our own and covers everything; a client's read timeout is none.
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    def gate(self, url: str) -> HostGate:
        """Returns the gate of a URL's host and port."""
        host = str(ada_url.URL(url).host)
        if host not in self._gates:
            self._gates[host] = HostGate(self.settings.per_host, self.settings.clock, asyncio.sleep)
        return self._gates[host]

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str = "*/*",
        keeps_prefix: bool = False,
        before_hop: BeforeHop | None = None,
    ) -> Answer:
        """Returns the answer to a URL after redirects, whatever its status.

        Args:
            url: What to ask for.
            max_bytes: Largest body, before and after its codings are taken off.
            accept: Value of the Accept header.
            keeps_prefix: Gives the first ``max_bytes`` of a longer body instead of refusing it.
            before_hop: Called with every URL before it is asked; raises FetchError to stop.

        Raises:
            FetchError: There is no answer that can be used within the deadline and limits.
        """
        left_s = self.settings.deadline_s
        for _ in range(self.settings.max_redirects + 1):
            url = checked_url(url, self.settings.rule, self.settings.ports)
            if before_hop is not None:
                await before_hop(url)
            async with self.gate(url).pass_through():
                start = self.settings.clock()
                answer = await self._hop(url, left_s, max_bytes, accept, keeps_prefix)
                left_s -= self.settings.clock() - start
            if answer.status not in REDIRECTS:
                return answer
            url = _location(answer)
        raise FetchError(
            RejectReason.TOO_MANY_REDIRECTS,
            f"over {self.settings.max_redirects} redirects, the next to {url[:200]}",
            status=answer.status,
            threshold=float(self.settings.max_redirects),
        )

    async def _hop(self, url: str, left_s: float, max_bytes: int, accept: str, keeps_prefix: bool) -> Answer:
        try:
            async with asyncio.timeout(left_s):
                return await self._request(url, max_bytes, accept, keeps_prefix)
        except TRANSPORT_ERRORS as error:
            raise as_fetch_error(error, url) from error

    async def _request(self, url: str, max_bytes: int, accept: str, keeps_prefix: bool) -> Answer:
        # Not encoded again: what ada has made of the URL is what is asked.
        target = URL(url, encoded=True)
        headers = {"Accept": accept}
        async with self._session.get(target, headers=headers, allow_redirects=False, ssl=self._tls) as response:
            body = b""
            if response.status == 200:
                stated = None if keeps_prefix else response.content_length
                body = await _read_body(response.content, stated, max_bytes, keeps_prefix)
                coding = ",".join(response.headers.getall("Content-Encoding", []))
                body = decode_body(body, coding, max_bytes) if coding else body
            else:
                # What an error page says does not matter, and may have no end.
                response.close()
            return Answer(url=url, status=response.status, headers=response.headers, body=body)


def status_error(answer: Answer, now: datetime) -> FetchError:
    """Returns what a status other than 200 means."""
    status = answer.status
    if status in {404, 410}:
        return FetchError(RejectReason.NOT_FOUND, f"status {status}", status=status)
    if status == 451:
        return FetchError(RejectReason.OPTED_OUT, "status 451: unavailable for legal reasons", status=status)
    return FetchError(
        RejectReason.HTTP_ERROR,
        f"status {status}",
        status=status,
        is_temporary=status in TEMPORARY,
        retry_after_s=retry_after_s(answer.headers.get("Retry-After"), now) if status in {429, 503} else None,
        value=float(status),
    )


def strict_tls() -> ssl.SSLContext:
    """Returns TLS with the machine's authorities, names checked, version 1.2 and later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _read_body(content: aiohttp.StreamReader, stated: int | None, max_bytes: int, keeps_prefix: bool) -> bytes:
    if stated is not None and stated > max_bytes:
        raise _too_many(f"Content-Length is {stated}", stated, max_bytes)
    pieces: list[bytes] = []
    n_bytes = 0
    async for piece in content.iter_chunked(PIECE):
        pieces.append(piece)
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            if keeps_prefix:
                break
            raise _too_many(f"over {max_bytes} bytes came", n_bytes, max_bytes)
    return b"".join(pieces)[:max_bytes]


def _too_many(seen: str, value: int, max_bytes: int) -> FetchError:
    return FetchError(
        RejectReason.TOO_MANY_BYTES,
        f"{seen}, the limit is {max_bytes}",
        status=200,
        value=float(value),
        threshold=float(max_bytes),
    )


def _location(answer: Answer) -> str:
    """Returns the absolute target of a redirect (RFC 9110, section 10.2.2)."""
    targets = answer.headers.getall("Location", [])
    if len(targets) != 1:
        detail = f"status {answer.status} with {len(targets)} Location headers"
        raise FetchError(RejectReason.HTTP_ERROR, detail, status=answer.status, value=float(answer.status))
    # Header bytes come as latin-1 with surrogates for the rest; targets in raw UTF-8 are common.
    text = targets[0].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(ada_url.join_url(answer.url, text))
    except ValueError:
        raise FetchError(
            RejectReason.BAD_URL, f"redirect to {text[:200]!r}, which is no URL", status=answer.status
        ) from None
