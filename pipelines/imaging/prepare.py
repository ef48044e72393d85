"""From pointers into the store to what a model takes, ahead of the model and in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from PIL.Image import Image

from pipelines.imaging.decode import UndecodableImageError, decode_rgb
from pipelines.runs import storage
from schemas.images import ImagePointer

LOOKAHEAD = 64
"""Images that may wait for the model, as small as it takes them: full-size pixels live only while one is prepared."""


class PointedImage(Protocol):
    """A stored image, whatever else its record says."""

    @property
    def pointer(self) -> ImagePointer: ...

    @property
    def format(self) -> str: ...


Item = TypeVar("Item")
Pointed = TypeVar("Pointed", bound=PointedImage)
Result = TypeVar("Result")


def prepared_images(
    run: str, images: Iterable[Pointed], prepare: Callable[[Image], Result], *, threads: int
) -> Iterator[tuple[Pointed, Result | UndecodableImageError]]:
    """Yields each image with what ``prepare`` made of its upright RGB pixels, or why they cannot be read.

    Args:
        run: The run folder that the pointers are relative to.
        images: Taken as they are needed.
        prepare: Called in other threads: decoding and resizing leave the interpreter's lock.
        threads: How many images are prepared at one time.
    """

    def read(image: Pointed) -> Result | UndecodableImageError:
        path = storage.join(run, image.pointer.file)
        data = storage.read_range(path, image.pointer.offset, image.pointer.length)
        try:
            return prepare(decode_rgb(data, image.format))
        except UndecodableImageError as error:
            return error

    yield from ahead(read, images, threads=threads)


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, lookahead: int = LOOKAHEAD
) -> Iterator[tuple[Item, Result]]:
    """Yields ``(item, function(item))`` in order, with at most ``lookahead`` results made before they are asked for."""
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) > lookahead:
                    yield _oldest(waiting)
            while waiting:
                yield _oldest(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _oldest(waiting: "deque[tuple[Item, Future[Result]]]") -> tuple[Item, Any]:
    item, future = waiting.popleft()
    return item, future.result()
