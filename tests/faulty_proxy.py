"""An HTTP proxy on loopback that stands between a client and a store, and fails as told."""

import contextlib
import dataclasses
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "content-length"})

FORBIDDEN_XML = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
FORBIDDEN_JSON = b'{"error": {"code": 403, "message": "lab@lab.example does not have storage.objects.create access"}}'


@dataclasses.dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the first ``times`` requests that match."""

    kind: Literal["status", "cut_request", "cut_response", "lost_response"]
    """``status``: answered with ``status`` and ``body``. ``cut_request``: the connection closes in the middle of the
    request's body, of which the store sees nothing. ``cut_response``: it closes in the middle of the answer's body.
    ``lost_response``: the store does it all, and the client hears nothing."""

    methods: tuple[str, ...]
    part: str = ""
    """A part of the path and query."""

    status: int = 503
    body: bytes = b""
    times: int = 1
    skip: int = 0
    """Matching requests that go through before the first fault."""

    least_bytes: int = 0
    """Of the request's body, for the two cuts of requests."""

    hits: int = 0

    def takes(self, method: str, path: str, n_bytes: int) -> bool:
        """Returns whether this request is to fail, and counts it."""
        if method not in self.methods or self.part not in path or n_bytes < self.least_bytes or not self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


class FaultyProxy:
    """Where the proxy listens, and what it does to requests."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request, in order."""

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Returns the base URL for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultyProxy":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextlib.contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """Injects faults while the block runs; each must have happened at least once."""
        self.faults = list(faults)
        try:
            yield
        finally:
            self.faults = []
        assert all(fault.hits for fault in faults), f"a fault was never met; requests: {self.requests[-20:]}"

    def fault_of(self, method: str, path: str, n_bytes: int) -> Fault | None:
        """Returns the fault that a request meets."""
        with self._lock:
            self.requests.append((method, path))
            return next((fault for fault in self.faults if fault.takes(method, path, n_bytes)), None)


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            fault = proxy.fault_of(self.command, self.path, length)
            if fault is not None and fault.kind == "cut_request":
                self.rfile.read(length // 2)
                self._hang_up()
                return
            body = self._read_body(length)
            if fault is not None and fault.kind == "status":
                self._answer(fault.status, [("Content-Type", "application/xml")], fault.body)
                return
            status, headers, data = self._forward(body)
            if fault is not None and fault.kind == "lost_response":
                self._hang_up()
            else:
                self._answer(status, headers, data, cut=fault is not None)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_any

        def _read_body(self, length: int) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(length)
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(proxy.upstream, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            try:
                connection.request(self.command, self.path, body=body, headers=headers)
                response = connection.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: bool = False) -> None:
            self.send_response_only(status)
            length = {name.lower(): value for name, value in headers}.get("content-length")
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            # The answer to HEAD states a length and has no body.
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self._hang_up()

        def _hang_up(self) -> None:
            self.wfile.flush()
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    return Handler
