"""Checks a single WebDataset tar that no manifest vouches for."""

import json
import zlib
from collections.abc import Iterator

from pipelines.runs import storage
from pipelines.verify.findings import Finding
from pipelines.verify.sample_checks import MAX_JSON
from pipelines.verify.tar_walk import BLOCK, Member, TarFaultError, stated_key, walk

FORBIDDEN = {"pyd": "pickle", "pkl": "pickle", "pickle": "pickle", "pth": "torch pickle", "pt": "torch pickle"}
_GZIP = b"\x1f\x8b"
_HEAD = 1 << 16
"""Bytes of a compressed file that are looked at: they hold its first header."""

_TEXTS = ("txt", "json", "cls", "caption")


def check_plain_tar(path: str) -> Iterator[Finding]:
    """Yields what is wrong with the structure of a tar of samples: headers, names, order, JSON and texts."""
    name = path.rsplit("/", 1)[-1]
    if not storage.exists(path):
        yield Finding(check="missing", file=name, detail="there is no such file")
        return
    seen: set[str] = set()
    names: set[str] = set()
    current: str | None = None
    with storage.open_read(path) as file:
        try:
            head = file.read(_HEAD)
            if head.startswith(_GZIP):
                detail = "compressed: no offset in it can be read, and it may be of any size; decompress it first"
                raise TarFaultError(0, detail, _first_key(head))
            for member in walk(file, storage.size(path)):
                key = member.name.rsplit("/", 1)[-1].split(".", 1)[0]
                if key != current:
                    if key in seen:
                        yield _found("members", name, member, key, "members of two samples are mixed")
                    seen.add(key)
                    current, names = key, set()
                if member.name in names:
                    yield _found("members", name, member, key, f"{member.name} stands there twice")
                names.add(member.name)
                file.seek(member.offset)
                why = _content_problem(member, file.read(min(member.size, MAX_JSON)))
                if why:
                    yield _found("content", name, member, key, why)
        except TarFaultError as fault:
            yield Finding(check="tar", file=name, key=fault.key or current, offset=fault.offset, detail=fault.why)


def _first_key(compressed: bytes) -> str | None:
    """Returns the first sample of a gzip file, of which no more than one header is decompressed."""
    try:
        return stated_key(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(compressed, BLOCK))
    except zlib.error:
        return None


def _found(check: str, file: str, member: Member, key: str, detail: str) -> Finding:
    return Finding(check=check, file=file, key=key, offset=member.header_offset, detail=detail)


def _content_problem(member: Member, data: bytes) -> str | None:
    extension = member.name.rsplit(".", 1)[-1].lower()
    if extension in FORBIDDEN:
        return f"{member.name} is a {FORBIDDEN[extension]}: it is never loaded, and other readers would run it"
    if extension == "npy" and b"'descr': '|O'" in data[:256]:
        return f"{member.name} holds Python objects, which only a pickle can give"
    if extension not in _TEXTS:
        return None
    if member.size > MAX_JSON:
        return f"{member.name} has {member.size} bytes of text; at most {MAX_JSON} are allowed"
    try:
        text = data.decode("utf-8")
        if extension == "json":
            json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"{member.name} cannot be read: {type(error).__name__}: {error}"[:300]
    return None
