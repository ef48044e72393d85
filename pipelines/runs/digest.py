"""SHA-256 of bytes on their way to a file; that of large pieces on a thread beside their writing."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

LARGE_BYTES = 1 << 18
"""A piece of so many bytes goes to the thread: its digest (1.8 GB/s) takes longer than handing it over."""


class Digest:
    """A running SHA-256 (FIPS 180-4) of the pieces given to it, in their order.

    Large pieces are digested while the caller writes them and makes the next: hashlib holds no lock of the interpreter.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Takes the next piece. Anything but ``bytes`` may change after the call, so it is digested before it ends."""
        self._wait()
        if isinstance(data, bytes) and len(data) >= LARGE_BYTES:
            self._thread = self._thread or ThreadPoolExecutor(max_workers=1, thread_name_prefix="sha256")
            self._pending = self._thread.submit(self._digest.update, data)
        else:
            self._digest.update(data)

    def hexdigest(self) -> str:
        """Returns the digest of all pieces so far."""
        self._wait()
        return self._digest.hexdigest()

    def end(self) -> None:
        """Ends the thread, after what it has in hand."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
