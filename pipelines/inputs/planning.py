"""What the workers of a job are given: parts of archives, files, groups of small files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.inputs.folders import is_page_file
from pipelines.runs import storage

RANGE_BYTES = 32 << 20
"""Bytes of a WARC as stored in one work item: some thousand pages, half a minute of work."""

GROUP_FILES = 200
GROUP_BYTES = 16 << 20


class ItemKind(StrEnum):
    """How the files of a work item are read."""

    ARCHIVE = "archive"
    """One WARC, or a range of it."""

    FILES = "files"
    """Some HTML files of one folder."""

    TABLE = "table"
    """Parquet or JSONL."""

    TEXT = "text"
    """An input of the text pool."""

    MISSING = "missing"
    """A path or pattern that names no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One piece of the input, read by one worker."""

    kind: ItemKind
    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    """Bytes of each file when the work was planned; what is appended later is not read."""

    folder: str = ""
    """The folder that the files' URLs are relative to."""

    start: int = 0
    end: int | None = None
    """Byte range of an archive; None: to its end."""

    @property
    def is_first(self) -> bool:
        """Returns whether the item counts its file among the archives."""
        return self.start == 0


def input_files(patterns: Sequence[str], limit: int | None) -> list[str]:
    """Returns the files that patterns name, each once, in order; of each pattern at most ``limit``."""
    files: dict[str, None] = {}
    for pattern in patterns:
        found = storage.list_files(pattern)
        files.update(dict.fromkeys(found[:limit] or [pattern]))
    return list(files)


def plan_pages(patterns: Sequence[str], limit: int | None = None, range_bytes: int = RANGE_BYTES) -> list[WorkItem]:
    """Returns the work items of page inputs: paths, patterns, or folders of HTML.

    Args:
        patterns: As in the recipe.
        limit: Takes at most so many files of each pattern.
        range_bytes: Larger archives are split into ranges of about this size.
    """
    items: list[WorkItem] = []
    seen: set[str] = set()
    for pattern in patterns:
        items += _plan_pattern(pattern, limit, range_bytes, seen)
    return items


def plan_texts(patterns: Sequence[str], limit: int | None = None, range_bytes: int = RANGE_BYTES) -> list[WorkItem]:
    """Returns the work items of text inputs."""
    items: list[WorkItem] = []
    seen: set[str] = set()
    for pattern in patterns:
        files = [path for path in storage.list_files(pattern)[:limit] if path not in seen]
        seen.update(files)
        items += [_missing(pattern)] if not files and pattern not in seen else []
        for path in files:
            items += _ranges(ItemKind.TEXT, path, range_bytes) if _is_archive(path) else [_whole(ItemKind.TEXT, path)]
    return items


def _plan_pattern(pattern: str, limit: int | None, range_bytes: int, seen: set[str]) -> Iterator[WorkItem]:
    is_folder = storage.is_folder(pattern)
    files = storage.list_files(pattern)
    if is_folder:
        # A folder of pages holds their images and other files too; tables are inputs where there are no pages.
        files = [path for path in files if is_page_file(path)] or [
            path for path in files if _is_archive(path) or _is_table(path)
        ]
    new = [path for path in files[:limit] if path not in seen]
    seen.update(new)
    if not files:
        yield _missing(pattern)
    yield from _groups([path for path in new if is_page_file(path)], pattern if is_folder else "")
    for path in new:
        if _is_table(path):
            yield _whole(ItemKind.TABLE, path)
        elif not is_page_file(path):
            yield from _ranges(ItemKind.ARCHIVE, path, range_bytes)


def _is_table(path: str) -> bool:
    return path.lower().endswith((".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz"))


def _is_archive(path: str) -> bool:
    name = path.lower().rsplit("/", 1)[-1]
    return ".warc" in name or ".arc" in name or name.endswith((".wet", ".wet.gz", ".wat", ".wat.gz"))


def _missing(pattern: str) -> WorkItem:
    return WorkItem(kind=ItemKind.MISSING, paths=(pattern,), sizes=(0,))


def _whole(kind: ItemKind, path: str) -> WorkItem:
    return WorkItem(kind=kind, paths=(path,), sizes=(storage.size(path),))


def _ranges(kind: ItemKind, path: str, range_bytes: int) -> Iterator[WorkItem]:
    size = storage.size(path)
    count = max(1, round(size / range_bytes))
    bounds = [size * number // count for number in range(count)]
    for start, end in zip(bounds, [*bounds[1:], None], strict=True):
        yield WorkItem(kind=kind, paths=(path,), sizes=(size,), start=start, end=end)


def _groups(paths: list[str], folder: str) -> Iterator[WorkItem]:
    group: list[str] = []
    sizes: list[int] = []
    for path in paths:
        group.append(path)
        sizes.append(storage.size(path))
        if len(group) >= GROUP_FILES or sum(sizes) >= GROUP_BYTES:
            yield WorkItem(kind=ItemKind.FILES, paths=tuple(group), sizes=tuple(sizes), folder=folder)
            group, sizes = [], []
    if group:
        yield WorkItem(kind=ItemKind.FILES, paths=tuple(group), sizes=tuple(sizes), folder=folder)
