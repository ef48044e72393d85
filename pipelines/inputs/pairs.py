"""Image-caption pairs as other tools write them: img2dataset tars, JSONL and Parquet with paths of images.

Nothing is extracted: members of a tar are read by offset, and a path reaches no file outside its table's folder.
"""

import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from pipelines.inputs.tables import TableError, read_json_lines, read_parquet_rows
from pipelines.runs import storage
from schemas.rejections import RejectReason

TAR, TABLE = ".tar", (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
IMAGE_ENDINGS = frozenset({"jpg", "jpeg", "png", "webp", "gif", "avif"})
MAX_TEXT_BYTES = 1 << 20
"""Of a caption or JSON member of a tar."""

COLUMNS = ("caption", "captions", "alt", "text", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPair:
    """One image and one caption as the input states them."""

    archive: str
    key: str
    caption: str
    url: str | None
    image: "TarMember | str"
    """Where the bytes lie: a member of a tar, or a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TarMember:
    """A regular file in an uncompressed tar."""

    archive: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPair:
    """A row or group of members that is no pair, and why."""

    archive: str
    key: str
    reason: RejectReason
    detail: str


def pair_files(patterns: tuple[str, ...], limit: int | None) -> list[str]:
    """Returns the files that patterns name, in order, at most ``limit`` of each; a pattern of no file stays itself.

    The image files beside a table are not tables: only names that end like a tar or table count in a folder.
    """
    files: list[str] = []
    for pattern in patterns:
        found = storage.list_files(pattern)
        if found != [pattern]:
            found = [path for path in found if path.endswith((TAR, *TABLE))]
        files += found[:limit] or [pattern]
    return files


def read_pairs(path: str) -> Iterator[RawPair | BadPair]:
    """Yields the pairs of one file in its order; an image with several captions gives one pair each.

    A file that cannot be read at all, or breaks off, gives one ``BadPair`` with an empty key.
    """
    try:
        if not storage.exists(path) or storage.is_folder(path):
            yield BadPair(archive=path, key="", reason=RejectReason.INPUT_MISSING, detail=f"there is no file {path}")
        elif not storage.size(path):
            yield BadPair(archive=path, key="", reason=RejectReason.INPUT_EMPTY, detail=f"{path} has no bytes")
        elif path.endswith(TAR):
            yield from _read_tar(path)
        elif path.endswith(".parquet"):
            yield from _read_parquet(path)
        else:
            yield from _read_jsonl(path)
    except (tarfile.TarError, TableError, OSError) as error:
        yield BadPair(archive=path, key="", reason=RejectReason.DAMAGED, detail=f"{path}: {error}")


def read_image(image: TarMember | str, max_bytes: int) -> bytes:
    """Returns the bytes of a pair's image, at most one more than ``max_bytes`` of them.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if isinstance(image, TarMember):
        return storage.read_range(image.archive, image.offset, min(image.length, max_bytes + 1))
    return storage.read_range(image, 0, min(storage.size(image), max_bytes + 1))


def _read_tar(path: str) -> Iterator[RawPair | BadPair]:
    """Members of one key lie next to each other (WebDataset): ``KEY.jpg``, ``KEY.txt``, ``KEY.json``."""
    key, members = "", dict[str, tarfile.TarInfo]()
    with storage.open_read(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            # What has been read is not asked for again: the list of members would grow with the file.
            archive.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
            if not member.isreg():
                continue
            folder, _, name = member.name.rpartition("/")
            stem, _, ending = name.partition(".")
            member_key = f"{folder}/{stem}" if folder else stem
            if member_key != key:
                yield from _tar_pair(path, file, key, members)
                key, members = member_key, {}
            members[ending.lower()] = member
        yield from _tar_pair(path, file, key, members)
        if archive.offset >= storage.size(path):
            detail = f"{path} has no end-of-archive blocks: it was cut between two members"
            yield BadPair(archive=path, key="", reason=RejectReason.TRUNCATED, detail=detail)


def _tar_pair(
    path: str, file: BinaryIO, key: str, members: Mapping[str, tarfile.TarInfo]
) -> Iterator[RawPair | BadPair]:
    if not members:
        return
    image = next((members[ending] for ending in sorted(members) if ending in IMAGE_ENDINGS), None)
    if image is None:
        yield BadPair(archive=path, key=key, reason=RejectReason.NO_SOURCE, detail=f"{key} has no image member")
        return
    position = file.tell()
    fields = _json_member(file, members.get("json"))
    if "txt" in members:
        fields = {**fields, "caption": _member_bytes(file, members["txt"]).decode("utf-8", "replace")}
    file.seek(position)
    place = TarMember(archive=path, offset=image.offset_data, length=image.size)
    yield from _pairs_of(path, key, fields, place)


def _json_member(file: BinaryIO, member: tarfile.TarInfo | None) -> dict[str, Any]:
    if member is None:
        return {}
    try:
        fields = json.loads(_member_bytes(file, member))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _member_bytes(file: BinaryIO, member: tarfile.TarInfo) -> bytes:
    file.seek(member.offset_data)
    return file.read(min(member.size, MAX_TEXT_BYTES))


def _read_jsonl(path: str) -> Iterator[RawPair | BadPair]:
    with storage.open_read(path) as file:
        for number, line in read_json_lines(file):
            if isinstance(line, str):
                yield BadPair(archive=path, key=str(number), reason=RejectReason.BAD_ROW, detail=line)
            else:
                yield from _table_row(path, number, line)


def _read_parquet(path: str) -> Iterator[RawPair | BadPair]:
    with storage.open_read(path) as file:
        for number, row in enumerate(read_parquet_rows(file, ("image",), COLUMNS)):
            yield from _table_row(path, number, row)


def _table_row(path: str, number: int, row: Mapping[str, Any]) -> Iterator[RawPair | BadPair]:
    image, key = row.get("image"), str(number)
    if not isinstance(image, str) or not image:
        detail = f"row {number} has no path under 'image'"
        yield BadPair(archive=path, key=key, reason=RejectReason.BAD_ROW, detail=detail)
        return
    found = _beside(path, image)
    if found is None:
        detail = f"row {number}: there is no file {image} beside the table or in the folder above it"
        yield BadPair(archive=path, key=key, reason=RejectReason.NOT_FOUND, detail=detail)
        return
    yield from _pairs_of(path, key, row, found)


def _beside(table: str, image: str) -> str | None:
    """Returns the path of an image given relative to its table's folder, or to the folder above that."""
    if image.startswith("/") or ".." in image.split("/") or "\0" in image or storage.is_remote(image):
        return None
    folder = table.rpartition("/")[0] or "."
    for base in (folder, folder.rpartition("/")[0] or "."):
        path = storage.join(base, image)
        if storage.is_remote(path):
            if storage.exists(path):
                return path
        elif os.path.isfile(path) and os.path.realpath(path).startswith(os.path.realpath(base).rstrip("/") + "/"):
            return path
    return None


def _pairs_of(path: str, key: str, fields: Mapping[str, Any], image: TarMember | str) -> Iterator[RawPair | BadPair]:
    captions = _captions(fields)
    if not captions:
        yield BadPair(archive=path, key=key, reason=RejectReason.NO_CAPTION, detail=f"{key} has no caption")
    url = fields.get("url")
    for number, caption in enumerate(captions):
        yield RawPair(
            archive=path,
            key=key if len(captions) == 1 else f"{key}.{number}",
            caption=caption,
            url=url if isinstance(url, str) else None,
            image=image,
        )


def _captions(fields: Mapping[str, Any]) -> list[str]:
    """Returns the captions of a row: all of ``captions``, else the first of ``caption``, ``alt`` and ``text``."""
    several = fields.get("captions")
    if isinstance(several, list):
        texts = [text.strip() for text in several if isinstance(text, str)]
    else:
        named = (fields.get(name) for name in ("caption", "alt", "text"))
        texts = [text.strip() for text in named if isinstance(text, str) and text.strip()][:1]
    return [text for text in texts if text]
