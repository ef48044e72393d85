"""A raw HTTP server on loopback whose every byte a test decides."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

Writer = asyncio.StreamWriter
Behaviour = bytes | Callable[[Writer], Awaitable[None]]
"""What a path answers: all its bytes, or a function that writes them; the connection is closed afterwards."""


@dataclass(slots=True, kw_only=True)
class HostileServer:
    """Serves paths by behaviours and remembers what was asked."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Paths in the order in which they were asked."""

    heads: list[str] = field(default_factory=list)
    """Whole request heads."""

    port: int = 0
    most_at_once: int = 0
    _open: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Returns the URL of a path."""
        return f"http://{host}:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """Answers one connection."""
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            self.requests.append(path)
            self.heads.append(head)
            behaviour = self.behaviours.get(path.partition("?")[0], answer(404))
            if isinstance(behaviour, bytes):
                writer.write(behaviour)
                await writer.drain()
            else:
                await behaviour(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def answer(status: int = 200, body: bytes = b"", *headers: str, length: bool = True) -> bytes:
    """Returns a whole answer; ``headers`` are lines without line ends."""
    lines = [
        f"HTTP/1.1 {status} X",
        *headers,
        *([f"Content-Length: {len(body)}"] if length else []),
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def drip(start: bytes, piece: bytes, every_s: float = 0.01) -> Callable[[Writer], Awaitable[None]]:
    """Returns a behaviour that writes ``start`` and then a piece again and again, until the client goes."""

    async def behave(writer: Writer) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    return behave


async def silence(writer: Writer) -> None:
    """Answers nothing until the client goes."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)
        writer.write(b"")
        await writer.drain()
        if writer.transport.is_closing():
            return


@contextlib.contextmanager
def serving(behaviours: dict[str, Behaviour]) -> Iterator[HostileServer]:
    """Runs a server in a thread of its own while the block lasts."""
    server = HostileServer(behaviours=behaviours)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()

    async def main() -> None:
        # On all of 127.0.0.0/8, so that one machine can be several hosts.
        listener = await asyncio.start_server(server.handle, "0.0.0.0", 0)
        server.port = listener.sockets[0].getsockname()[1]
        ready.set()
        await stopped.wait()
        listener.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), name="hostile-server")
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()
