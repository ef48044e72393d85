"""The few Beam transforms that every job is wired with.

What crosses a shuffle is small: work items, ids, URLs, pointers, reports. Texts and image bytes are read from upstream
files by the worker that needs them, and written by it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.typehints.decorators import no_annotations

from pipelines.runs import storage
from pipelines.runs.fingerprint import check_code, settled
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.planning import Late, Plan, Planned
from pipelines.runs.receipts import WORK_FOLDER, read_receipt, write_receipt
from pipelines.runs.run_file import write_run_file
from schemas.summary import JobSummary, PartRecord, WorkReport

Item = TypeVar("Item")
Value = TypeVar("Value")
Expand = TypeVar("Expand", bound=Callable[..., Any])


class Worker(Generic[Item]):
    """The work of one job on one work item. Pickled with its settings: open models and clients in ``setup``."""

    def setup(self) -> None:
        """Called once in each worker process before the first item."""

    def run(self, item: Item, output: ItemOutput) -> None:
        """Does the work of ``item``; everything it makes goes through ``output``."""
        raise NotImplementedError


def of_several(expand: Expand) -> Expand:
    """Marks the ``expand`` of a transform that takes or gives several collections: Beam has no type hints for those."""
    no_annotations(expand)
    return expand


class Elements(beam.PTransform, Generic[Item]):
    """Gives the elements of a plan, all from one worker: few, or about to be grouped."""

    def __init__(self, context: JobContext, plan: Plan[Sequence[Item]]) -> None:
        super().__init__()
        self._context, self._plan = context, plan

    def expand(self, root: PBegin) -> PCollection[Item]:
        return (
            root
            | "Once" >> beam.Create([self._context.job], reshuffle=False)
            | "Plan" >> beam.FlatMap(Late(_elements, Planned(self._context, self._plan)))
        )


class Spread(beam.PTransform, Generic[Item]):
    """Gives the elements of a plan, spread over the workers for the step that follows.

    That step must not be a Flatten: the portable runners on the JVM have two producers for what a Flatten gives when a
    shuffle is one of its direct inputs, and refuse the pipeline.
    """

    def __init__(self, context: JobContext, plan: Plan[Sequence[Item]]) -> None:
        super().__init__()
        self._context, self._plan = context, plan

    def expand(self, root: PBegin) -> PCollection[Item]:
        return root | "Elements" >> Elements(self._context, self._plan) | "Spread" >> beam.Reshuffle()


class RunItems(beam.PTransform, Generic[Item]):
    """Runs a worker on each of the work items of a plan; gives a ``WorkReport`` for each.

    Item ``i`` of ``n`` writes parts ``i``-of-``n``. A work item that has a valid receipt is not done again. A job with
    several steps that write gives each a ``phase``, which becomes part of the names.
    """

    def __init__(self, context: JobContext, worker: Worker[Item], plan: Plan[Sequence[Item]], phase: str = "") -> None:
        super().__init__()
        self._context, self._worker, self._plan, self._phase = context, worker, plan, phase

    def expand(self, root: PBegin) -> PCollection[WorkReport]:
        return (
            root
            | "Once" >> beam.Create([self._context.job], reshuffle=False)
            | "Items" >> beam.FlatMap(Late(_numbered, Planned(self._context, self._plan)))
            | "Spread" >> beam.Reshuffle()
            | "Run" >> beam.ParDo(_RunItemFn(self._context, self._worker, self._phase))
        )


class RunEach(beam.PTransform, Generic[Item]):
    """Runs a worker on ``(number, count, item)`` triples that an earlier step made; gives a ``WorkReport`` for each.

    As ``RunItems``, for work that is not known when the pipeline is built. Numbers and counts must depend on the input
    only, since they name the parts.
    """

    def __init__(self, context: JobContext, worker: Worker[Item], phase: str) -> None:
        super().__init__()
        self._context, self._worker, self._phase = context, worker, phase

    def expand(self, items: PCollection[tuple[int, int, Item]]) -> PCollection[WorkReport]:
        return (
            items
            | "Spread" >> beam.Reshuffle()
            | "Run" >> beam.ParDo(_RunItemFn(self._context, self._worker, self._phase))
        )


class RunGroups(beam.PTransform, Generic[Value]):
    """Groups ``(bucket, value)`` pairs and runs a worker on each bucket's sorted values; gives a ``WorkReport`` each.

    Buckets are numbers in ``range(count)``; bucket ``b`` writes parts ``b``-of-``count``. The worker's item is
    ``(bucket, values)`` with the values sorted, so that the engine's order never shows. A group must fit in memory:
    plan the number of buckets from the number of values.
    """

    def __init__(
        self, context: JobContext, worker: "Worker[tuple[int, list[Value]]]", count: Plan[int], phase: str = "groups"
    ):
        super().__init__()
        self._context, self._worker, self._count, self._phase = context, worker, count, phase

    def expand(self, values: PCollection[tuple[int, Value]]) -> PCollection[WorkReport]:
        return (
            values
            | "Group" >> beam.GroupByKey()
            | "Sort" >> beam.Map(Late(_sorted_group, Planned(self._context, self._count)))
            | "Run" >> beam.ParDo(_RunItemFn(self._context, self._worker, self._phase))
        )


class RunSeries(beam.PTransform, Generic[Item]):
    """Runs a worker on ``(key, (number, count, item))``, the items of one key one after the other; gives their reports.

    For work of which a key's items must not be done at the same time. Item ``i`` of ``n`` of a key writes parts
    ``i``-of-``n`` of the phase with the key, which is an ASCII word. Each item has a receipt of its own.
    """

    def __init__(self, context: JobContext, worker: Worker[Item], phase: str) -> None:
        super().__init__()
        self._context, self._worker, self._phase = context, worker, phase

    def expand(self, items: PCollection[tuple[str, tuple[int, int, Item]]]) -> PCollection[WorkReport]:
        return (
            items
            | "Group" >> beam.GroupByKey()
            | "Run in turn" >> beam.ParDo(_RunSeriesFn(self._context, self._worker, self._phase))
        )


class Commit(beam.PTransform):
    """Adds up the reports of all work items, checks that the numbers add up, and writes the job's summary.

    It runs inside the pipeline, so a job is whole wherever its launcher is. Files that no report names (remains of an
    attempt under another fingerprint) are removed before the summary appears.
    """

    def __init__(self, context: JobContext, unit: str) -> None:
        super().__init__()
        self._context, self._unit = context, unit

    def expand(self, reports: PCollection[WorkReport]) -> PCollection[str]:
        return (
            reports
            | "Add up" >> beam.CombineGlobally(_AddReports())
            | "Commit" >> beam.Map(commit_job, self._context, self._unit)
        )


class _AddReports(beam.CombineFn):
    """Adds reports up: parts in a list that is sorted once at the end, so that many work items stay cheap."""

    def create_accumulator(self) -> tuple[list[PartRecord], WorkReport]:
        return [], WorkReport()

    def add_input(
        self, accumulator: tuple[list[PartRecord], WorkReport], report: WorkReport
    ) -> tuple[list[PartRecord], WorkReport]:
        parts, total = accumulator
        parts.extend(report.parts)
        return parts, total + replace(report, parts=())

    def merge_accumulators(
        self, accumulators: Iterable[tuple[list[PartRecord], WorkReport]]
    ) -> tuple[list[PartRecord], WorkReport]:
        merged = self.create_accumulator()
        for parts, total in accumulators:
            merged = self.add_input(merged, replace(total, parts=tuple(parts)))
        return merged

    def extract_output(self, accumulator: tuple[list[PartRecord], WorkReport]) -> WorkReport:
        parts, total = accumulator
        return replace(total, parts=tuple(sorted(parts, key=lambda part: part.path)))


def commit_job(report: WorkReport, context: JobContext, unit: str) -> str:
    """Commits a job whose work is done, and returns the path of its summary.

    Raises:
        SchemaError: The numbers do not add up: nothing is committed.
    """
    if not context.fingerprint:
        # A packaged job has no launcher that could have written it.
        write_run_file(context.folder, context.recipe)
        context = settled(context)
    summary = JobSummary(
        job=context.job,
        fingerprint=context.fingerprint,
        lineage=context.lineage,
        unit=unit,
        counts=report.counts,
        totals=report.totals,
        parts=report.parts,
    )
    _remove_strangers(context, summary)
    context.folder.commit(summary)
    storage.remove(context.folder.path(context.job, WORK_FOLDER))
    return context.folder.path(context.job, "summary.json")


def _remove_strangers(context: JobContext, summary: JobSummary) -> None:
    named = {context.folder.path(part.path) for part in summary.parts}
    root = context.folder.path(context.job)
    for path in storage.list_files(root, temporary=True):
        if path not in named and f"/{WORK_FOLDER}/" not in path:
            storage.remove(path)


def _elements(_once: str, values: Sequence[Any]) -> Sequence[Any]:
    return values


def _numbered(_once: str, items: Sequence[Any]) -> Iterator[tuple[int, int, Any]]:
    for number, item in enumerate(items):
        yield number, len(items), item


def _sorted_group(group: tuple[int, Iterable[Any]], count: int) -> tuple[int, int, tuple[int, list[Any]]]:
    bucket, values = group
    return bucket, count, (bucket, sorted(values))


class _WorkerFn(beam.DoFn):
    """Runs a worker. A DoFn because models and clients are opened once in each process."""

    def __init__(self, context: JobContext, worker: Worker[Any], phase: str) -> None:
        self._context, self._worker, self._phase = context, worker, phase

    def setup(self) -> None:
        self._is_ready = False
        check_code(self._context)
        self._context = settled(self._context)

    def _report(self, phase: str, number: int, count: int, item: Any) -> WorkReport:
        name = f"{phase or 'items'}-{number:05d}-of-{count:05d}"
        report = read_receipt(self._context, name)
        if report is None:
            self._set_up_worker()
            with ItemOutput(self._context, number, count, phase) as output:
                self._worker.run(item, output)
            report = output.report
            write_receipt(self._context, name, report)
        return report

    def _set_up_worker(self) -> None:
        # Not in `setup`: a resumed job whose items are all done must not load a model.
        if not self._is_ready:
            self._worker.setup()
            self._is_ready = True


class _RunItemFn(_WorkerFn):
    """Runs a worker on ``(number, count, item)``."""

    def process(self, numbered: tuple[int, int, Any]) -> Iterator[WorkReport]:
        yield self._report(self._phase, *numbered)


class _RunSeriesFn(_WorkerFn):
    """Runs a worker on the items of one key, in the order of their numbers."""

    def process(self, series: tuple[str, Iterable[tuple[int, int, Any]]]) -> Iterator[WorkReport]:
        key, items = series
        for numbered in sorted(items):
            yield self._report(f"{self._phase}-{key}", *numbered)
