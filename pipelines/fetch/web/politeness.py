"""How often and how widely one host is asked: a gate for each host."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime

from schemas.recipe import PerHost

MAX_CRAWL_DELAY_S = 60.0
"""A longer Crawl-delay, which no standard defines, is taken as this."""

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class HostGate:
    """Lets requests to one host through: so many at one time, so many a second, none while it asked to wait."""

    def __init__(self, limits: PerHost, clock: Clock, sleep: Sleep) -> None:
        self._slots = asyncio.Semaphore(limits.connections)
        self._interval_s = 1.0 / limits.requests_per_s
        self._next_s = -math.inf
        self._clock, self._sleep = clock, sleep

    @asynccontextmanager
    async def pass_through(self) -> AsyncIterator[None]:
        """Waits for the host's turn and holds one of its connections."""
        async with self._slots:
            now = self._clock()
            turn = max(now, self._next_s)
            self._next_s = turn + self._interval_s
            if turn > now:
                await self._sleep(turn - now)
            yield

    def slow_down(self, delay_s: float) -> None:
        """Takes a Crawl-delay of robots.txt: so many seconds between requests."""
        if math.isfinite(delay_s) and delay_s > 0:
            self._interval_s = max(self._interval_s, min(delay_s, MAX_CRAWL_DELAY_S))

    def pause(self, wait_s: float) -> None:
        """Lets no request begin for so many seconds."""
        self._next_s = max(self._next_s, self._clock() + wait_s)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Returns the seconds that a Retry-After header asks to wait (RFC 9110, section 10.2.3).

    None where there is none, it cannot be read, or lies in the past.
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        wait = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return wait if wait > 0 else None
