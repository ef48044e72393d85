"""A chat endpoint on loopback whose answers are a function of the request."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

Answer = Callable[[dict[str, Any], int], web.StreamResponse]


@contextmanager
def serve(answer: Answer, seen: list[web.BaseRequest] | None = None) -> Iterator[str]:
    """Runs a server whose answer is a function of the request's JSON and its number; gives the base URL."""
    count = 0

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal count
        count += 1
        if seen is not None:
            seen.append(request)
        return answer(await request.json(), count)

    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def start() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def said(text: str) -> web.Response:
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": text}}]})
