"""``mm1 verify``: is this folder of shards what its manifest says, down to every sample?"""

import hashlib
import re
from collections.abc import Iterator

import google_crc32c
from tokenizers import Tokenizer

from pipelines.runs import storage
from pipelines.verify.findings import Finding
from pipelines.verify.index_checks import Line, check_lines, read_index
from pipelines.verify.manifest_checks import (
    MANIFEST_NAME,
    MAX_BYTES,
    ProportionCheck,
    check_manifest,
    read_manifest,
)
from pipelines.verify.plain_tar import check_plain_tar
from pipelines.verify.sample_checks import check_sample
from pipelines.verify.tar_walk import BLOCK, stated_key
from schemas.manifest import Manifest, ShardRecord

_CHUNK = 1 << 22
_TAR_END = 1024
_BESIDE = ("README.md", "croissant.json", "datasheet.md", "tombstones.jsonl")
"""Further files that belong beside shards."""


def verify_shards(path: str, fast: bool = False) -> list[Finding]:
    """Returns everything that is wrong with shards; an empty list where they hold.

    Args:
        path: A folder with ``manifest.json``, a run folder with ``shards/`` in it, or a single tar without a manifest.
        fast: Looks at the manifest, sizes and indexes only, and reads no tar.
    """
    return list(find_problems(path, fast=fast))


def find_problems(path: str, *, fast: bool = False) -> Iterator[Finding]:
    """Yields what ``verify_shards`` returns, one after the other as it is found."""
    if path.endswith((".tar", ".tar.gz", ".tgz")):
        yield from check_plain_tar(path)
        return
    folder = _folder(path)
    if folder is None:
        yield Finding(check="manifest", file=MANIFEST_NAME, detail=f"{path} has none: the shards are not complete")
        return
    data = _read_manifest_file(folder)
    if isinstance(data, Finding):
        yield data
        return
    try:
        manifest = read_manifest(data)
    except ValueError as error:
        yield Finding(check="manifest", file=MANIFEST_NAME, detail=str(error)[:500])
        return
    problems = list(check_manifest(manifest, data))
    yield from problems
    if any(problem.check == "names" for problem in problems):
        return
    yield from _check_strangers(folder, manifest)
    tokenizer = None
    for found in _tokenizer(folder, manifest):
        if isinstance(found, Finding):
            yield found
        else:
            tokenizer = found
    yield from _check_shards(folder, manifest, tokenizer, fast=fast)


def _folder(path: str) -> str | None:
    for folder in (path, storage.join(path, "shards")):
        if storage.exists(storage.join(folder, MANIFEST_NAME)):
            return folder
    return None


def _read_manifest_file(folder: str) -> bytes | Finding:
    path = storage.join(folder, MANIFEST_NAME)
    if storage.size(path) > MAX_BYTES:
        return Finding(
            check="manifest", file=MANIFEST_NAME, detail=f"{storage.size(path)} bytes: no manifest is so large"
        )
    return storage.read_bytes(path)


def _tokenizer(folder: str, manifest: Manifest) -> Iterator[Finding | Tokenizer]:
    path = storage.join(folder, manifest.tokenizer)
    if not storage.exists(path):
        yield Finding(check="tokenizer", file=manifest.tokenizer, detail="is missing")
        return
    data = storage.read_bytes(path)
    if hashlib.sha256(data).hexdigest() != manifest.tokenizer_sha256:
        yield Finding(
            check="tokenizer", file=manifest.tokenizer, detail="is not the one that the rows were planned with"
        )
        return
    tokenizer = Tokenizer.from_buffer(data)
    tokenizer.encode_special_tokens = True
    yield tokenizer


def _check_strangers(folder: str, manifest: Manifest) -> Iterator[Finding]:
    known = {MANIFEST_NAME, manifest.tokenizer, *_BESIDE}
    for shard in manifest.shards:
        known |= {shard.name, shard.index_name, f"{shard.name}.idx"}
    for path in storage.list_files(folder):
        name = path[len(folder.rstrip("/")) + 1 :] if path.startswith(folder) else path.rsplit("/", 1)[-1]
        if name not in known and not name.startswith(".nv-meta/"):
            key, offset = _first_sample(path) if name.endswith(".tar") else (None, None)
            detail = "the manifest does not name it; readers pass it over"
            yield Finding(check="stranger", file=name, key=key, offset=offset, detail=detail)


def _first_sample(path: str) -> tuple[str | None, int]:
    """Returns the key and place of the first sample of a tar that nobody vouches for."""
    return stated_key(storage.read_range(path, 0, min(BLOCK, storage.size(path)))), 0


def _check_shards(folder: str, manifest: Manifest, tokenizer: Tokenizer | None, *, fast: bool) -> Iterator[Finding]:
    keys: dict[str, str] = {}
    proportion = ProportionCheck(manifest)
    is_off = False
    for shard in manifest.shards:
        lines: list[Line] = []
        for found in _check_index(folder, shard, manifest):
            if isinstance(found, Finding):
                yield found
            else:
                lines = found
        yield from _check_keys(shard, lines, keys)
        last_row = None
        for line in lines:
            if line.row == last_row or is_off:
                continue
            last_row, why = line.row, proportion.add(line.kind)
            if why:
                is_off = True
                yield Finding(check="shares", file=shard.index_name, key=line.key, offset=line.offset, detail=why)
        yield from _check_tar(folder, shard, lines, tokenizer, fast=fast)


def _check_index(folder: str, shard: ShardRecord, manifest: Manifest) -> Iterator[Finding | list[Line]]:
    path = storage.join(folder, shard.index_name)
    if not storage.exists(path):
        yield Finding(check="missing", file=shard.index_name, detail="the index is not there")
        return
    data = storage.read_bytes(path)
    if hashlib.sha256(data).hexdigest() != shard.index_sha256:
        yield Finding(check="sha256", file=shard.index_name, detail="is not the index that the manifest names")
    try:
        lines = read_index(data)
    except ValueError as error:
        yield Finding(check="index", file=shard.index_name, detail=str(error)[:300])
        return
    yield from check_lines(shard, lines, manifest)
    yield lines


def _check_keys(shard: ShardRecord, lines: list[Line], keys: dict[str, str]) -> Iterator[Finding]:
    for line in lines:
        if line.key in keys:
            detail = f"stands in {keys[line.key]} too: keys must be unique over all shards"
            yield Finding(check="key", file=shard.name, key=line.key, offset=line.offset, detail=detail)
        keys[line.key] = shard.name


def _check_tar(
    folder: str, shard: ShardRecord, lines: list[Line], tokenizer: Tokenizer | None, *, fast: bool
) -> Iterator[Finding]:
    path = storage.join(folder, shard.name)
    if not storage.exists(path):
        yield Finding(check="missing", file=shard.name, detail="the shard is not there")
        return
    n_bytes = storage.size(path)
    if n_bytes != shard.n_bytes:
        yield Finding(
            check="size",
            file=shard.name,
            key=next((line.key for line in lines if line.offset + line.length > n_bytes), None),
            offset=min(n_bytes, shard.n_bytes),
            detail=f"{n_bytes} bytes, the manifest says {shard.n_bytes}",
        )
    if fast:
        return
    if _sha256(path) != shard.sha256:
        yield Finding(check="sha256", file=shard.name, detail="the bytes are not those that the manifest names")
    for line in lines:
        yield from _check_stored(path, shard, line, min(line.length, max(0, n_bytes - line.offset)), tokenizer)
    end = lines[-1].offset + lines[-1].length if lines else 0
    rest = storage.read_range(path, end, min(_TAR_END, n_bytes - end)) if n_bytes > end else b""
    if len(rest) < _TAR_END or any(rest):
        last = lines[-1].key if lines else None
        detail = "the two end blocks are not there after the last sample"
        yield Finding(check="tar", file=shard.name, key=last, offset=end, detail=detail)


def _check_stored(
    path: str, shard: ShardRecord, line: Line, available: int, tokenizer: Tokenizer | None
) -> Iterator[Finding]:
    def found(check: str, offset: int, detail: str) -> Finding:
        return Finding(check=check, file=shard.name, key=line.key, offset=line.offset + offset, detail=detail)

    data = storage.read_range(path, line.offset, available) if available else b""
    if len(data) < line.length:
        yield found("cut", len(data), f"the file ends after {len(data)} of the sample's {line.length} bytes")
        return
    crc = google_crc32c.value(data)
    if crc != line.crc32c:
        yield found("crc32c", 0, f"is {crc:08x}, the index says {line.crc32c:08x}")
    for problem in check_sample(data, line.key, decode=True):
        if isinstance(problem, tuple):
            yield found(*problem)
        elif not line.forgotten:
            why = _count_problem(problem, line, tokenizer)
            if why:
                yield found("counts", 0, why)


def _count_problem(meta: dict[str, object], line: Line, tokenizer: Tokenizer | None) -> str | None:
    images = [image for image in meta["images"] if image is not None]  # type: ignore[attr-defined]
    if len(images) != line.n_images or meta["kind"] != line.kind:
        return f"{len(images)} images of kind {meta['kind']}, the index says {line.n_images} of {line.kind}"
    if tokenizer is None:
        return None
    texts = [text for text in meta["texts"] if text is not None]  # type: ignore[attr-defined]
    source: dict[str, int] = meta["source"]  # type: ignore[assignment]
    is_end = source["piece"] + 1 == source["pieces"] and source["part"] + 1 == source["parts"]
    # Each paragraph is tokenised by itself, with the empty lines after it.
    paragraphs = [part for text in texts for part in re.split(r"(?<=\n\n)(?!\n)", text) if part]
    encoded = tokenizer.encode_batch_fast(paragraphs, add_special_tokens=False)
    n_text = (2 if is_end else 1) + sum(len(e) for e in encoded)
    return None if n_text == line.n_text else f"{n_text} text tokens, the index says {line.n_text}"


def _sha256(path: str) -> str:
    state = hashlib.sha256()
    with storage.open_read(path) as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()
