"""The work of ``mix`` on one work item each: sample texts, learn the tokenizer, measure, account, write shards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.mix import plan
from pipelines.mix.forget import ForgetRequest, read_requests
from pipelines.mix.manifest import TOKENIZER_NAME
from pipelines.mix.pieces import JOB, PieceMaker, planning_row, to_spool
from pipelines.mix.shards import SHARDS, placed_key, write_shard
from pipelines.mix.tokenizer import (
    SAMPLE_CHARACTERS,
    bounded,
    is_sampled,
    load_tokenizer,
    sample_order,
    special_tokens,
    train_tokenizer,
    with_special_tokens,
)
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder, read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.planning import Planned
from pipelines.runs.transforms import Worker
from schemas.rejections import Rejection, RejectReason
from schemas.row_layout import num_positions, paragraphs
from schemas.rows import SplitPart
from schemas.samples import CaptionRow, PoolSample, PoolText, SampleKind
from schemas.summary import PartRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPart:
    """One part of a pool: a work item."""

    kind: SampleKind
    path: str
    captions: tuple[str, ...]
    """Parts of ``recaption`` that may hold its captions."""

    pool_rows: int
    """Rows of the whole pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledText:
    """One row of ``mix/sample/part-*.parquet``: a text that the tokenizer is learned from."""

    order: float
    text: str


def pool_parts(context: JobContext) -> list[PoolPart]:
    """Returns the parts of the three pools, in order."""
    folder = context.folder
    summary = folder.committed("select")
    captions = _caption_parts(folder)
    found = []
    for kind in SampleKind:
        parts = summary.table(kind.value)
        rows = sum(part.rows for part in parts)
        for part in parts:
            name = part.path.rsplit("/", 1)[-1]
            aligned = tuple(path for path in captions if path.rsplit("/", 1)[-1] == name) or captions
            wanted = aligned if kind is SampleKind.CAPTION else ()
            found.append(PoolPart(kind=kind, path=folder.path(part.path), captions=wanted, pool_rows=rows))
    return found


def num_pool_parts(context: JobContext) -> int:
    """Returns the number of these parts."""
    return len(pool_parts(context))


def _caption_parts(folder: RunFolder) -> tuple[str, ...]:
    summary = folder.summary("recaption")
    return tuple(folder.path(part.path) for part in summary.table("")) if summary else ()


class SampleWorker(Worker[PoolPart]):
    """Takes texts of one pool part for the tokenizer."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def run(self, item: PoolPart, output: ItemOutput) -> None:
        for sample in read_part(item.path, PoolSample):
            if is_sampled(sample.key, seed=self._seed, pool_rows=item.pool_rows):
                text = "\n\n".join(s.text for s in sample.segments if isinstance(s, PoolText))
                order = sample_order(sample.key, seed=self._seed)
                output.write(SampledText(order=order, text=text[:SAMPLE_CHARACTERS]), "sample")


class TokenizerWorker(Worker[Sequence[str]]):
    """Makes ``shards/tokenizer.json``: learned on sampled texts, or the recipe's own."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def run(self, item: Sequence[str], output: ItemOutput) -> None:
        """Takes the paths of the sampled texts."""
        folder = self._context.folder
        # From here on files of this run replace those of an earlier one: nobody may take the two for one set.
        storage.remove(folder.path(SHARDS, "manifest.json"))
        settings = self._context.recipe.mixture
        if settings.tokenizer == "train":
            rows = (row for path in item for row in read_part(path, SampledText))
            texts = bounded((row.order, row.text) for row in rows)
            parts = [part for text in texts for part in paragraphs(text)]
            tokenizer = train_tokenizer(parts, vocabulary=settings.vocabulary)
        else:
            tokenizer = with_special_tokens(load_tokenizer(storage.read_bytes(settings.tokenizer)))
        data = tokenizer.to_str(pretty=True).encode()
        path = f"{SHARDS}/{TOKENIZER_NAME}"
        digest = storage.write_bytes(folder.path(path), data)
        output.add_part(PartRecord(table="tokenizer", path=path, rows=1, n_bytes=len(data), sha256=digest))


class MeasureWorker(Worker[PoolPart]):
    """Cuts and measures the samples of one pool part; writes their JSON members to the spool and a row for each."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def setup(self) -> None:
        self._tokenizer = load_tokenizer(storage.read_bytes(self._context.folder.path(SHARDS, TOKENIZER_NAME)))
        special_tokens(self._tokenizer)

    def run(self, item: PoolPart, output: ItemOutput) -> None:
        recipe = self._context.recipe
        maker = PieceMaker(recipe.mixture, self._tokenizer, seed=recipe.seed)
        requests = read_requests(self._context.run)
        captions = _captions(item)
        spool = output.tar("spool")
        for sample in read_part(item.path, PoolSample):
            output.count("sample", n_in=1)
            made = _forgotten(sample, requests) or maker.make(sample, captions.get(sample.key))
            if isinstance(made, Rejection):
                output.reject("sample", made)
                continue
            for piece in made:
                pointer = spool.add(piece.sample.key, to_spool(piece))
                row = planning_row(
                    piece, pool_rows=item.pool_rows, part=output.number, pointer=pointer, seed=recipe.seed
                )
                output.write(row, "pieces")
                if piece.caption_used:
                    output.total(f"captions.{piece.caption_used}", 1)


def _forgotten(sample: PoolSample, requests: Sequence[ForgetRequest]) -> Rejection | None:
    images = sample.images()
    urls, image_ids = [sample.url, *(image.url for image in images)], [image.image_id for image in images]
    for request in requests:
        reason = request.matches(urls=urls, image_ids=image_ids, domain=sample.domain)
        if reason:
            return Rejection(
                job=JOB, kind="sample", item=sample.key, reason=RejectReason.FORGOTTEN, detail=f"asked for: {reason}"
            )
    return None


def _captions(item: PoolPart) -> dict[str, CaptionRow]:
    """Returns the captions of a part's samples by key; a file that is not this part's is searched, not held."""
    if not item.captions:
        return {}
    keys = {sample.key for sample in read_part(item.path, PoolSample)} if len(item.captions) > 1 else None
    rows: Iterator[CaptionRow] = (row for path in item.captions for row in read_part(path, CaptionRow))
    return {row.key: row for row in rows if keys is None or row.key in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """A packed window, with the layout of all windows."""

    kind: SampleKind
    window: int
    placed: bytes
    layout: plan.Layout

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the window's plan, and its pieces with their rows in the shards."""
        placed = np.frombuffer(self.placed, dtype=plan.PLACED)
        places = list(self.layout.rows_of_window(self.kind, self.window))
        return placed, plan.lay_window(placed, self.kind, places)


class AccountWorker(Worker[PlannedWindow]):
    """Counts which samples of a window have a place in the mixture, and records those that have none."""

    def __init__(self, context: JobContext) -> None:
        self._settings = context.recipe.mixture

    def run(self, item: PlannedWindow, output: ItemOutput) -> None:
        placed, laid = item.arrays()
        left = plan.left_over(placed, laid)
        kind = item.kind.value
        for key in left:
            output.reject("sample", _left_over(key, item.kind))
        for name in plan.left_over_pieces(placed, laid):
            output.reject("piece", _left_over(name, item.kind, unit="piece"))
        for piece in laid[laid["split"] > 0]:
            output.write(SplitPart(key=placed_key(piece), sample=plan.sample_key(piece)), "split")
        output.count("sample", n_out=plan.count_samples(placed) - len(left))
        output.count("piece", n_in=plan.count_pieces(placed), n_out=plan.count_pieces(laid))
        output.total(f"left_over.{kind}", len(left))
        output.total(f"repeated.{kind}", plan.count_repeated(laid))
        output.total(f"pool_rows.{kind}", plan.count_rows(placed))
        output.total(f"capped.{kind}", self._capped(laid))

    def _capped(self, laid: np.ndarray) -> int:
        """Returns the positions that stay empty in rows which hold as many images as a row may."""
        limits = self._settings
        rows, numbers = np.unique(laid["row"], return_inverse=True)
        images = np.bincount(numbers, weights=laid["n_images"], minlength=len(rows))
        texts = np.bincount(numbers, weights=laid["n_text"], minlength=len(rows))
        full = images >= limits.images_per_row
        used = num_positions(int(texts[full].sum()), int(images[full].sum()), limits.tokens_per_image)
        return int(full.sum()) * limits.sequence_length - used


def _left_over(item: str, kind: SampleKind, unit: str = "sample") -> Rejection:
    return Rejection(
        job=JOB,
        kind=unit,
        item=item,
        reason=RejectReason.POOL_LEFT_OVER,
        detail=f"{kind.value} {unit}: the mixture ended before its row, since another pool was used up",
    )


class ShardWorker(Worker[tuple[int, Sequence[bytes]]]):
    """Writes one shard."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def setup(self) -> None:
        self._spool_count = Planned(self._context, num_pool_parts).value()

    def run(self, item: tuple[int, Sequence[bytes]], output: ItemOutput) -> None:
        """Takes the shard's number and its planned pieces as bytes of ``plan.PLACED``."""
        number, batches = item
        placed = np.concatenate([np.frombuffer(batch, dtype=plan.PLACED) for batch in batches])
        placed = placed[np.lexsort((placed["place"], placed["row"]))]
        folder = self._context.folder
        written = write_shard(
            folder.path(SHARDS),
            number,
            placed,
            first_row=number * self._context.recipe.mixture.rows_per_shard,
            spool_count=self._spool_count,
            read=lambda file, offset, length: storage.read_range(folder.path(file), offset, length),
        )
        output.write(written.record, "shard")
        for member in written.members:
            output.write(member, "members")
        for part in written.parts:
            output.add_part(part)
