"""The end of ``mix``: what lies beside the shards, and the manifest, last."""

from collections.abc import Mapping, Sequence

from pipelines.mix.manifest import MANIFEST_NAME, TOKENIZER_NAME, make_manifest
from pipelines.mix.shards import SHARDS
from pipelines.mix.tokenizer import load_tokenizer, special_tokens
from pipelines.runs import storage
from pipelines.runs.fingerprint import plain
from pipelines.runs.folder import read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.digests import json_digest
from schemas.json_form import to_json
from schemas.manifest import Manifest, ShardRecord, sealed
from schemas.summary import PartRecord, WorkReport


class FinishWorker(Worker[Sequence[WorkReport]]):
    """Writes the manifest from the reports of all other work items."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def run(self, item: Sequence[WorkReport], output: ItemOutput) -> None:
        parts = [part for report in item for part in report.parts]
        totals: dict[str, int] = {}
        for report in item:
            for name, n in report.totals.items():
                totals[name] = totals.get(name, 0) + n
        folder = self._context.folder
        shards = [
            record
            for part in parts
            if part.table == "shard"
            for record in read_part(folder.path(part.path), ShardRecord)
        ]
        manifest = sealed(self._manifest(shards, parts, totals))
        self._remove_strangers(manifest)
        data = (to_json(manifest, indent=1) + "\n").encode()
        path = f"{SHARDS}/{MANIFEST_NAME}"
        digest = storage.write_bytes(folder.path(path), data)
        output.add_part(PartRecord(table="manifest", path=path, rows=1, n_bytes=len(data), sha256=digest))

    def _manifest(
        self, shards: Sequence[ShardRecord], parts: Sequence[PartRecord], totals: Mapping[str, int]
    ) -> Manifest:
        (tokenizer,) = (part for part in parts if part.table == "tokenizer")
        data = storage.read_bytes(self._context.folder.path(SHARDS, TOKENIZER_NAME))
        recipe = self._context.recipe
        return make_manifest(
            shards,
            recipe.mixture,
            # Not the job's own fingerprint: the same pools in another order of parts are the same shards.
            recipe_fingerprint=json_digest({"mixture": plain(recipe.mixture), "seed": recipe.seed}),
            tokenizer_sha256=tokenizer.sha256,
            special=special_tokens(load_tokenizer(data)),
            seed=recipe.seed,
            totals=totals,
        )

    def _remove_strangers(self, manifest: Manifest) -> None:
        """Removes shards that an earlier run of other settings left in the folder."""
        named = {TOKENIZER_NAME, *(s.name for s in manifest.shards), *(s.index_name for s in manifest.shards)}
        root = self._context.folder.path(SHARDS)
        for path in storage.list_files(root):
            if path.rsplit("/", 1)[-1] not in named:
                storage.remove(path)
