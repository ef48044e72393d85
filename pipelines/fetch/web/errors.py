"""Why a request gave nothing: one exception, with the reason of the rejection."""

import asyncio
import socket

import aiohttp

from schemas.rejections import RejectReason


class ForbiddenAddressError(OSError):
    """A name or redirect leads to an address that may not be asked."""


class FetchError(Exception):
    """A request that gave no usable answer."""

    def __init__(
        self,
        reason: RejectReason,
        detail: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        is_temporary: bool = False,
        value: float | None = None,
        threshold: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status
        self.retry_after_s = retry_after_s
        """What the server asked to wait; None where it did not say."""

        self.is_temporary = is_temporary
        """Whether asking again later may help."""

        self.value = value
        self.threshold = threshold


TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError)
"""What the client raises for servers that misbehave; ValueError for headers that are no headers."""


_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], RejectReason, bool], ...] = (
    ((TimeoutError,), RejectReason.TIMEOUT, True),
    ((aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError), RejectReason.TLS_ERROR, False),
    ((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), RejectReason.BAD_URL, False),
    # Answers that are no HTTP; asking again gives the same.
    ((aiohttp.ClientResponseError, ValueError), RejectReason.CONNECTION_ERROR, False),
    ((BaseException,), RejectReason.CONNECTION_ERROR, True),
)
"""The first row that fits counts: kinds of exceptions, reason, whether asking again may help."""


def as_fetch_error(error: BaseException, url: str) -> FetchError:
    """Returns what an exception of the client means."""
    forbidden = _cause_of(error, ForbiddenAddressError)
    if forbidden is not None:
        return FetchError(RejectReason.FORBIDDEN_ADDRESS, str(forbidden))
    detail = f"{url}: {type(error).__name__}: {str(error)[:200]}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError(RejectReason.DNS_ERROR, detail, is_temporary=not _is_unknown_name(error))
    reason, is_temporary = next((reason, again) for kinds, reason, again in _MEANINGS if isinstance(error, kinds))
    return FetchError(reason, detail, is_temporary=is_temporary)


def _is_unknown_name(error: aiohttp.ClientConnectorError) -> bool:
    cause = error.os_error
    return isinstance(cause, socket.gaierror) and cause.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)}


def _cause_of(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Returns the exception of a kind among an exception, its causes and the members of its groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        if isinstance(found, kind):
            return found
        seen.add(id(found))
        waiting += [found.__cause__, found.__context__, getattr(found, "os_error", None)]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions
    return None
