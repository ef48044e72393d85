"""Checks one sample: its members, its JSON, its images."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from pipelines.verify.tar_walk import Member, TarFaultError, walk

MAX_JSON = 1 << 26
"""Bytes: the text of a row is some ten kilobytes."""

_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF"}
_FIELDS = {
    "version",
    "key",
    "kind",
    "texts",
    "images",
    "image_members",
    "captions",
    "scores",
    "image_ids",
    "image_urls",
    "source",
}
_KINDS = ("interleaved", "caption", "text")

Problem = tuple[str, int, str]
"""``(check, offset in the sample, what is wrong)``."""


def check_sample(data: bytes, key: str, *, decode: bool) -> Iterator[Problem | dict[str, Any]]:
    """Yields what is wrong with a stored sample, and last its JSON, where that can be read.

    Args:
        data: From its first header to the end of its last padding.
        key: As the index has it.
        decode: Whether to decode the images too.
    """
    members: list[Member] = []
    try:
        for member in walk(io.BytesIO(data), len(data), needs_end=False):
            members.append(member)
    except TarFaultError as fault:
        yield "tar", fault.offset, fault.why
        return
    yield from _check_names(members, key)
    if not members or members[-1].name != f"{key}.json":
        yield "members", 0, f"the last member must be {key}.json, found {[m.name for m in members][-1:]}"
        return
    meta = None
    for found in _parse(data, members[-1]):
        if isinstance(found, tuple):
            yield found
        else:
            meta = found
    if meta is None:
        return
    yield from check_meta(meta, key, [m.name for m in members[:-1]], members[-1].header_offset)
    if decode:
        yield from _check_images(data, members[:-1], meta.get("image_ids") or [])
    yield meta


def _check_images(data: bytes, members: Sequence[Member], image_ids: Sequence[str]) -> Iterator[Problem]:
    for member, image_id in zip(members, image_ids, strict=False):
        content = data[member.offset : member.offset + member.size]
        why = image_problem(content, member.name)
        if why:
            yield "image", member.header_offset, f"{member.name}: {why}"
        if hashlib.sha256(content).hexdigest() != image_id:
            yield "image", member.header_offset, f"{member.name} is not the image {image_id}"


def _check_names(members: Sequence[Member], key: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for member in members:
        if member.name.split(".", 1)[0] != key:
            yield "members", member.header_offset, f"{member.name} stands among the members of another sample"
        if member.name in seen:
            yield "members", member.header_offset, f"{member.name} stands there twice"
        seen[member.name] = member.header_offset


def _parse(data: bytes, member: Member) -> Iterator[Problem | dict[str, Any]]:
    if member.size > MAX_JSON:
        yield "json", member.header_offset, f"{member.size} bytes of JSON; at most {MAX_JSON} are allowed"
        return
    try:
        meta = json.loads(data[member.offset : member.offset + member.size].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        yield "json", member.header_offset, f"{member.name} cannot be read: {type(error).__name__}: {error}"[:300]
        return
    if not isinstance(meta, dict):
        yield "json", member.header_offset, f"{member.name} is no object"
        return
    yield meta


def check_meta(meta: dict[str, Any], key: str, image_members: Sequence[str], offset: int) -> Iterator[Problem]:
    """Yields what is wrong with the JSON of a sample whose image members are given."""
    if set(meta) != _FIELDS:
        yield "json", offset, f"fields {sorted(set(meta) ^ _FIELDS)} are missing or unknown"
        return
    if meta["key"] != key:
        yield "json", offset, f"key {meta['key']!r} is not that of the members, {key!r}"
    if meta["kind"] not in _KINDS:
        yield "json", offset, f"kind {meta['kind']!r} is none of {_KINDS}"
    texts, images = meta["texts"], meta["images"]
    if not isinstance(texts, list) or not isinstance(images, list) or len(texts) != len(images):
        yield "alignment", offset, "texts and images are not lists of one length"
        return
    for place, (text, image) in enumerate(zip(texts, images, strict=True)):
        if (text is None) == (image is None):
            yield "alignment", offset, f"place {place} has both or neither of text and image"
    places = [None if image is None else f"{key}.{image}" for image in images]
    named = [name for name in places if name is not None]
    if named != list(image_members) or meta["image_members"] != places:
        yield "alignment", offset, f"the JSON names {named[:3]}..., the tar has {list(image_members)[:3]}..."
    for field in ("scores", "image_ids", "image_urls"):
        if len(meta[field]) != len(named):
            yield "alignment", offset, f"{len(meta[field])} {field} for {len(named)} images"


def image_problem(data: bytes, name: str) -> str | None:
    """Returns why an image member is no whole image, None where it is."""
    extension = name.rsplit(".", 1)[-1]
    if extension not in _FORMATS:
        return f"extension {extension!r} is none of {sorted(_FORMATS)}"
    try:
        with Image.open(io.BytesIO(data), formats=(_FORMATS[extension],)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError) as error:
        return f"not a whole {_FORMATS[extension]}: {error}"
    return None
