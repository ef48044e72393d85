"""The job ``mix``: pools to shards.

Sample -> tokenizer -> measure (texts are read here, once) -> plan on metadata -> write. Only planned pieces, 152
bytes at most, cross a shuffle; texts go through the spool, images are read where they lie.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
from apache_beam.pvalue import AsSingleton, PCollection

from pipelines.mix import plan
from pipelines.mix.finish import FinishWorker
from pipelines.mix.manifest import weights_by_kind
from pipelines.mix.workers import (
    AccountWorker,
    MeasureWorker,
    PlannedWindow,
    PoolPart,
    SampleWorker,
    ShardWorker,
    TokenizerWorker,
    pool_parts,
)
from pipelines.runs import storage
from pipelines.runs.job import Job, JobContext
from pipelines.runs.transforms import Elements, RunEach, RunItems
from schemas.recipe import Recipe
from schemas.samples import SampleKind
from schemas.summary import WorkReport

_WINDOW_BITS = 32
"""A bucket is the kind's number and the window's number in one integer."""

_PIECE_COLUMNS = ("sample", "window", "kind", *(n for n in plan.PIECE.names or () if not n.startswith("sample")))


def build(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    """Wires the job; gives the reports of all its work items."""
    tokenizer = _tokenizer(root, context)
    measured = (
        root
        | "Pool parts" >> Elements(context, numbered_parts)
        | "After tokenizer" >> beam.Map(_first_of_two, AsSingleton(tokenizer))
        | "Measure" >> RunEach(context, MeasureWorker(context), "measure")
    )
    windows = (
        measured
        | "Pieces" >> beam.FlatMap(_batches_by_window, context)
        | "By window" >> beam.GroupByKey()
        | "Pack" >> beam.Map(_pack_window, context)
    )
    layout = (
        windows
        | "Row counts" >> beam.Map(_row_count)
        | "All windows" >> beam.combiners.ToList()
        | "Layout" >> beam.Map(_layout, context)
    )
    accounted = (
        windows
        | "With layout" >> beam.Map(_planned_window, AsSingleton(layout))
        | "Account" >> RunEach(context, AccountWorker(context), "account")
    )
    written = (
        windows
        | "Lay" >> beam.FlatMap(_batches_by_shard, AsSingleton(layout), context.recipe.mixture.rows_per_shard)
        | "By shard" >> beam.GroupByKey()
        | "Shards" >> beam.Map(_shard_item, AsSingleton(layout), context.recipe.mixture.rows_per_shard)
        | "Write" >> RunEach(context, ShardWorker(context), "shard")
    )
    reports = (tokenizer, measured, accounted, written)
    finished = (
        reports
        | "Reports" >> beam.Flatten()
        | "All reports" >> beam.combiners.ToList()
        | "Last" >> beam.Map(_only_item)
        | "Finish" >> RunEach(context, FinishWorker(context), "finish")
    )
    # Not a flattening of the one above: the fusion of the portable runners on the JVM loses a collection over that.
    return (*reports, finished) | "All" >> beam.Flatten()


def numbered_parts(context: JobContext) -> list[tuple[int, int, PoolPart]]:
    """Returns the parts of all pools as work items."""
    parts = pool_parts(context)
    return [(number, len(parts), part) for number, part in enumerate(parts)]


def training_parts(context: JobContext) -> list[PoolPart]:
    """Returns the parts that the tokenizer is learned on: the text pool, or the first pool with rows if it has none."""
    if context.recipe.mixture.tokenizer != "train":
        return []
    parts = pool_parts(context)
    for kind in (SampleKind.TEXT, SampleKind.INTERLEAVED, SampleKind.CAPTION):
        chosen = [part for part in parts if part.kind is kind and part.pool_rows]
        if chosen:
            return chosen
    return []


def _tokenizer(root: beam.Pipeline, context: JobContext) -> PCollection[WorkReport]:
    return (
        root
        | "Sample" >> RunItems(context, SampleWorker(context.recipe.seed), training_parts, "sample")
        | "Sampled" >> beam.combiners.ToList()
        | "Sample paths" >> beam.Map(_sample_item, context)
        | "Tokenizer" >> RunEach(context, TokenizerWorker(context), "tokenizer")
    )


def _sample_item(reports: list[WorkReport], context: JobContext) -> tuple[int, int, list[str]]:
    paths = sorted(part.path for report in reports for part in report.parts if part.table == "sample")
    return 0, 1, [context.folder.path(path) for path in paths]


def _first_of_two(item: Any, _after: WorkReport) -> Any:
    """Returns ``item``; the second argument is there to be waited for."""
    return item


def _batches_by_window(report: WorkReport, context: JobContext) -> Iterator[tuple[int, bytes]]:
    """Yields the pieces of one measured part, a batch for each window."""
    for part in report.parts:
        if part.table != "pieces":
            continue
        with storage.open_read(context.folder.path(part.path)) as file:
            table = pq.read_table(file, columns=list(_PIECE_COLUMNS))
        pieces, windows = plan.pieces_from_table(table), table.column("window").to_numpy()
        kind = plan.KINDS.index(SampleKind(table.column("kind")[0].as_py()))
        for window in np.unique(windows).tolist():
            yield (kind << _WINDOW_BITS) | window, plan.to_bytes(pieces[windows == window], plan.KINDS[kind])


def _pack_window(group: tuple[int, Iterable[bytes]], context: JobContext) -> tuple[int, bytes]:
    bucket, batches = group
    settings = context.recipe.mixture
    pieces = plan.from_bytes(batches, plan.KINDS[bucket >> _WINDOW_BITS])
    placed = plan.plan_window(
        pieces,
        positions=settings.sequence_length,
        images=settings.images_per_row,
        tokens_per_image=settings.tokens_per_image,
    )
    return bucket, placed.tobytes()


def _row_count(window: tuple[int, bytes]) -> tuple[int, int]:
    bucket, placed = window
    return bucket, plan.count_rows(np.frombuffer(placed, dtype=plan.PLACED))


def _layout(counts: list[tuple[int, int]], context: JobContext) -> plan.Layout:
    settings = context.recipe.mixture
    rows: dict[str, list[int]] = {kind.value: [] for kind in SampleKind}
    for bucket, n_rows in sorted(counts):
        kind, window = plan.KINDS[bucket >> _WINDOW_BITS], bucket & ((1 << _WINDOW_BITS) - 1)
        # A window that no piece fell into has no rows.
        rows[kind.value] += [0] * (window - len(rows[kind.value])) + [n_rows]
    return plan.Layout(
        weights=weights_by_kind(settings),
        window_rows=rows,
        max_repeats=settings.max_repeats if settings.on_exhausted == "repeat" else 1,
        seed=context.recipe.seed,
    )


def _planned_window(window: tuple[int, bytes], layout: plan.Layout) -> tuple[int, int, PlannedWindow]:
    bucket, placed = window
    kind, number = plan.KINDS[bucket >> _WINDOW_BITS], bucket & ((1 << _WINDOW_BITS) - 1)
    sizes: Mapping[str, Any] = layout.window_rows
    first = sum(len(sizes[k.value]) for k in plan.KINDS[: plan.KINDS.index(kind)])
    count = sum(len(sizes[k.value]) for k in plan.KINDS)
    return first + number, count, PlannedWindow(kind=kind, window=number, placed=placed, layout=layout)


def _batches_by_shard(
    window: tuple[int, bytes], layout: plan.Layout, rows_per_shard: int
) -> Iterator[tuple[int, bytes]]:
    """Yields the placed pieces of one window, a batch for each shard."""
    _, laid = _planned_window(window, layout)[2].arrays()
    shards = laid["row"] // rows_per_shard
    for shard in np.unique(shards).tolist():
        yield shard, laid[shards == shard].tobytes()


def _shard_item(
    group: tuple[int, Iterable[bytes]], layout: plan.Layout, rows_per_shard: int
) -> tuple[int, int, tuple[int, list[bytes]]]:
    shard, batches = group
    return shard, -(-layout.num_rows() // rows_per_shard), (shard, sorted(batches))


def _only_item(reports: list[WorkReport]) -> tuple[int, int, list[WorkReport]]:
    return 0, 1, reports


def _settings(recipe: Recipe) -> dict[str, Any]:
    return {"mixture": recipe.mixture}


def _inputs(recipe: Recipe) -> list[str]:
    return [] if recipe.mixture.tokenizer == "train" else [recipe.mixture.tokenizer]


JOB = Job(name="mix", unit="sample", needs=("select", "recaption"), settings=_settings, inputs=_inputs, build=build)
