"""Images on disk: ``FOLDER/<host>/<path>`` stands for ``https://<host>/<path>``."""

import os
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

import ada_url

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.inspect_image import check_bytes
from pipelines.fetch.results import Fetched, FetchRequest, FetchResult, Refused
from pipelines.runs import storage
from schemas.rejections import RejectReason


class FolderSource:
    """Reads URLs from a folder laid out as host and path. No URL reaches a file outside it."""

    def __init__(self, folder: str, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def fetch(self, requests: Iterable[FetchRequest]) -> Iterator[FetchResult]:
        """Yields what each URL gave, in the order of the requests."""
        for request in requests:
            yield self._fetch(request.url)

    def _fetch(self, url: str) -> FetchResult:
        candidates = folder_paths(url)
        if not candidates:
            return Refused(url=url, reason=RejectReason.BAD_URL, detail="the URL names no file below a host")
        for relative in candidates:
            path = self._inside(relative)
            if path is not None:
                return self._read(url, path)
        return Refused(url=url, reason=RejectReason.NOT_FOUND, detail=f"no file {candidates[-1]} in {self._folder}")

    def _inside(self, relative: str) -> str | None:
        """Returns the path of a regular file below the folder, None where there is none."""
        path = storage.join(self._folder, relative)
        if storage.is_remote(path):
            return path if storage.exists(path) and not storage.is_folder(path) else None
        # A link may lead out of the folder: what counts is where it ends.
        real, root = os.path.realpath(path), os.path.realpath(self._folder)
        is_below = real.startswith(root.rstrip("/") + "/")
        return real if is_below and os.path.isfile(real) else None

    def _read(self, url: str, path: str) -> FetchResult:
        try:
            check_bytes(storage.size(path), self._max_bytes)
            return Fetched(url=url, data=storage.read_bytes(path))
        except BadImageError as error:
            return Refused.of(url, error)
        except OSError as error:
            return Refused(url=url, reason=RejectReason.NOT_FOUND, detail=f"cannot read {path}: {error.strerror}")


def folder_paths(url: str) -> list[str]:
    """Returns the relative paths that may hold a URL, the most exact first; none where the URL cannot name a file.

    With a query, ``name?query`` is looked for before ``name``. A segment that decodes to ``..`` or holds a slash or a
    NUL names no file.
    """
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return []
    if parsed.protocol not in {"http:", "https:"} or not parsed.host:
        return []
    segments = [unquote_to_bytes(segment) for segment in parsed.pathname.split("/") if segment]
    if not segments or parsed.pathname.endswith("/"):
        return []
    if any(segment in {b".", b".."} or b"/" in segment or b"\0" in segment for segment in segments):
        return []
    path = "/".join([parsed.host, *(os.fsdecode(segment) for segment in segments)])
    return [path + parsed.search, path] if parsed.search else [path]
