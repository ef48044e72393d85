"""In which order the URLs of many hosts are asked, so that no slow host holds up the others."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Lane:
    """The URLs of one host that wait."""

    host: str
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    """``(URL, attempts made)``."""

    failures: int = 0
    """Requests in a row that reached nobody."""


def make_lanes(urls: Iterable[str], host_of: Callable[[str], str]) -> list[Lane]:
    """Returns one lane for each host, in the order of their first URL."""
    lanes: dict[str, Lane] = {}
    for url in urls:
        host = host_of(url)
        if host not in lanes:
            lanes[host] = Lane(host=host)
        lanes[host].waiting.append((url, 0))
    return list(lanes.values())


async def drive(
    lanes: list[Lane],
    ask: Callable[[Lane, str, int], Awaitable[None]],
    *,
    connections: int,
    per_host: int,
) -> None:
    """Asks for all URLs, at most ``connections`` at one time and ``per_host`` of one host; hosts take turns.

    Args:
        lanes: What waits. ``ask`` may append to its lane to ask again.
        ask: Asks for one URL.
        connections: Over all hosts.
        per_host: Of each host.
    """
    # A lane stands in the queue once for each request that it may have under way.
    turns = deque(lane for _ in range(per_host) for lane in lanes if lane.waiting)

    async def work() -> None:
        while turns:
            lane = turns.popleft()
            if lane.waiting:
                url, attempts = lane.waiting.popleft()
                await ask(lane, url, attempts)
                turns.append(lane)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(connections, len(turns))):
            group.create_task(work())
