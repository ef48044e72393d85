"""The end of ``mix``: what lies beside the shards for other tools, and the manifest, last."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.mix import energon
from pipelines.mix.card import make_card
from pipelines.mix.croissant import make_croissant
from pipelines.mix.datasheet import make_datasheet
from pipelines.mix.manifest import (
    CARD_NAME,
    CROISSANT_NAME,
    DATASHEET_NAME,
    MANIFEST_NAME,
    TOKENIZER_NAME,
    make_manifest,
)
from pipelines.mix.shards import SHARDS
from pipelines.mix.tokenizer import load_tokenizer, special_tokens
from pipelines.runs import storage
from pipelines.runs.fingerprint import plain
from pipelines.runs.folder import RunFolder, read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.digests import json_digest
from schemas.json_form import to_json
from schemas.manifest import Manifest, ShardRecord, sealed
from schemas.rows import IndexLine, ShardMember
from schemas.summary import PartRecord, WorkReport

_CHUNK = 1 << 22


class FinishWorker(Worker[Sequence[WorkReport]]):
    """Writes the files beside the shards, and the manifest, from the reports of all other work items."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def run(self, item: Sequence[WorkReport], output: ItemOutput) -> None:
        parts = sorted((part for report in item for part in report.parts), key=lambda part: part.path)
        totals: dict[str, int] = {}
        for report in item:
            for name, n in report.totals.items():
                totals[name] = totals.get(name, 0) + n
        manifest = self._manifest(parts, totals)
        self._remove_strangers(manifest)
        members = [part.path for part in parts if part.table == "members"]
        folder = self._context.folder
        for name, data in self._beside_files(manifest, [folder.path(path) for path in members]):
            output.add_part(_publish(folder, name, data))
        output.add_part(_publish_sqlite(folder, manifest, [folder.path(path) for path in members]))
        # The manifest is what makes shards count: it comes last.
        output.add_part(_publish(folder, MANIFEST_NAME, (to_json(manifest, indent=1) + "\n").encode()))

    def _manifest(self, parts: Sequence[PartRecord], totals: Mapping[str, int]) -> Manifest:
        folder, recipe = self._context.folder, self._context.recipe
        shards = [r for p in parts if p.table == "shard" for r in read_part(folder.path(p.path), ShardRecord)]
        (tokenizer,) = (part for part in parts if part.table == "tokenizer")
        data = storage.read_bytes(folder.path(SHARDS, TOKENIZER_NAME))
        made = make_manifest(
            shards,
            recipe.mixture,
            # Not the job's own fingerprint: the same pools in another order of parts are the same shards.
            recipe_fingerprint=json_digest({"mixture": plain(recipe.mixture), "seed": recipe.seed}),
            tokenizer_sha256=tokenizer.sha256,
            special=special_tokens(load_tokenizer(data)),
            seed=recipe.seed,
            totals=totals,
        )
        return sealed(made)

    def _beside_files(self, manifest: Manifest, member_parts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the small files beside the shards as ``(name, content)``."""
        image_fields = {member.part for path in member_parts for member in read_part(path, ShardMember)} - {"json"}
        yield CARD_NAME, make_card(manifest, image_fields).encode()
        funnel = read_funnel(self._context.folder)
        yield DATASHEET_NAME, make_datasheet(manifest, self._context.recipe, funnel).encode()
        yield CROISSANT_NAME, make_croissant(manifest).encode()
        counts = {shard.name: sum(shard.samples.values()) for shard in manifest.shards}
        for name, text in energon.text_files(counts, manifest.digest).items():
            yield f"{energon.FOLDER}/{name}", text.encode()

    def _remove_strangers(self, manifest: Manifest) -> None:
        """Removes what an earlier run of other settings left in the folder."""
        root = self._context.folder.path(SHARDS)
        named = {TOKENIZER_NAME}
        for shard in manifest.shards:
            named |= {shard.name, shard.index_name, f"{shard.name}.idx"}
        for path in storage.list_files(root, temporary=True):
            if path.removeprefix(root).strip("/") not in named:
                storage.remove(path)


def _sample_rows(folder: str, manifest: Manifest) -> Iterator[energon.SampleRow]:
    for number, shard in enumerate(manifest.shards):
        for place, line in enumerate(read_part(storage.join(folder, shard.index_name), IndexLine)):
            yield number, line.key, place, line.offset, line.length


def _part_rows(paths: Iterable[str]) -> Iterator[energon.PartRow]:
    for path in paths:
        for member in read_part(path, ShardMember):
            yield member.shard, member.sample, member.part, member.offset, member.size


def read_funnel(folder: RunFolder) -> dict[str, dict[str, int]]:
    """Returns in, out and each reason of every committed job, by job and unit."""
    funnel: dict[str, dict[str, int]] = {}
    for job in ("interleave", "fetch", "dedup", "score", "select", "recaption"):
        summary = folder.summary(job)
        for unit, counts in sorted(summary.counts.items()) if summary else ():
            numbers = {"in": counts.n_in, "out": counts.n_out, **dict(sorted(counts.rejected.items()))}
            funnel[f"{job}, {unit}"] = numbers
    return funnel


def _publish(folder: RunFolder, name: str, data: bytes) -> PartRecord:
    path = f"{SHARDS}/{name}"
    digest = storage.write_bytes(folder.path(path), data)
    return PartRecord(table="beside", path=path, rows=1, n_bytes=len(data), sha256=digest)


def _publish_sqlite(folder: RunFolder, manifest: Manifest, member_parts: Sequence[str]) -> PartRecord:
    """Writes Energon's index; in a local file first, since SQLite writes nowhere else."""
    path = f"{SHARDS}/{energon.FOLDER}/index.sqlite"
    with tempfile.TemporaryDirectory(prefix="mm1-") as temporary:
        local = os.path.join(temporary, "index.sqlite")
        energon.write_sqlite(local, _sample_rows(folder.path(SHARDS), manifest), _part_rows(member_parts))
        with storage.publish(folder.path(path)) as target, storage.open_read(local) as source:
            while chunk := source.read(_CHUNK):
                target.write(chunk)
    return PartRecord(table="beside", path=path, rows=1, n_bytes=target.n_bytes, sha256=target.sha256())
