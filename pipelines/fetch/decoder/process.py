"""The owner's side of the decoder process."""

import contextlib
import functools
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from typing import IO, cast

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.decoder.confine import CPU_S
from pipelines.fetch.decoder.messages import READY, decode_result, read_message, write_message
from pipelines.fetch.inspect_image import ImageLimits, InspectedImage, check_bytes
from schemas.rejections import RejectReason

WALL_FACTOR = 6
"""A process that has not answered after so many times its processor time, on however busy a machine, is ended."""

ATTEMPTS = 2
"""A process may die for reasons of the machine; an image that it dies of twice is at fault."""

MEMORY_REUSE = {
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}
"""For glibc: pixels of the next image go where those of the last one were, instead of into fresh pages."""

CHILD = "pipelines.fetch.decoder.child"

START_S = 60.0
"""A process that has not come up after so long, on however busy a machine, does not."""


class DecoderStartError(RuntimeError):
    """The decoder does not start on this machine: no image is at fault."""


class DecoderProcess:
    """Inspects images in a process of its own. An image that kills it costs that image alone.

    May be used from several threads, one at a time.
    """

    def __init__(self, limits: ImageLimits, *, child: str = CHILD, cpu_s: int = CPU_S) -> None:
        self._limits = limits
        self._child = child
        self._cpu_s = cpu_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def inspect(self, data: bytes) -> InspectedImage:
        """Returns what ``inspect_image`` returns.

        Raises:
            BadImageError: The image is refused, or the process died or was ended over it.
        DecoderStartError: There is no process that could look at it.
        """
        check_bytes(len(data), self._limits.max_bytes)
        with self._lock:
            answer = self._ask(data)
        result = decode_result(answer)
        if isinstance(result, BadImageError):
            raise result
        return result

    def close(self) -> None:
        """Ends the process; the next image starts another."""
        with self._lock:
            if self._process is not None:
                self._process = None
                self._finalizer()

    def _start(self) -> "subprocess.Popen[bytes]":
        arguments = [str(self._limits.max_bytes), str(self._limits.max_pixels), str(self._cpu_s)]
        # The project's root may be on the path of this process alone.
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, **MEMORY_REUSE, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", self._child, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        finalizer = weakref.finalize(self, _end, process)
        if _read_answer(process, START_S) != READY:
            process.kill()
            said = cast(IO[bytes], process.stderr).read().decode("utf-8", "replace").strip().splitlines()
            code = process.wait()
            finalizer()
            raise DecoderStartError(
                f"the decoder of images does not start: {said[-1] if said else f'exit code {code}'}"
            )
        self._process, self._finalizer = process, finalizer
        return process

    def _ask(self, data: bytes) -> bytes:
        problem: BadImageError | None = None
        for _ in range(ATTEMPTS):
            process = self._process or self._start()
            answer = _ask(process, data, float(WALL_FACTOR * (self._cpu_s + 1)))
            if answer is not None:
                return answer
            problem = self._bury(process)
            if problem.reason is RejectReason.TOO_COMPLEX:
                break
        assert problem is not None  # there is at least one attempt
        raise problem

    def _bury(self, process: "subprocess.Popen[bytes]") -> BadImageError:
        self._process = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
        code = process.poll()
        self._finalizer()
        if code is None or code == -signal.SIGXCPU:
            detail = f"the decoder was still busy after {self._cpu_s} s of processor time"
            return BadImageError(RejectReason.TOO_COMPLEX, detail, threshold=float(self._cpu_s))
        return broken(f"the decoder died of it {ATTEMPTS} times: exit code {code}")


@functools.cache
def shared_decoder(limits: ImageLimits) -> DecoderProcess:
    """Returns the one decoder of this process for these limits."""
    return DecoderProcess(limits)


def _ask(process: "subprocess.Popen[bytes]", data: bytes, wall_s: float) -> bytes | None:
    """Returns the process's answer, None where it dies or does not come in time."""
    try:
        write_message(cast(IO[bytes], process.stdin), data)
    except BrokenPipeError:
        return None
    return _read_answer(process, wall_s)


def _read_answer(process: "subprocess.Popen[bytes]", wall_s: float) -> bytes | None:
    answers = cast(IO[bytes], process.stdout)
    ready, _, _ = select.select([answers], [], [], wall_s)
    return read_message(answers) if ready else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and takes its exit code, so that nothing is left of it."""
    with process:
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], process.stdin).close()
        if process.poll() is None:
            process.kill()
