"""Runs the jobs' own functions in this process on plain lists: what is left of a run when the engine is taken away."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.internal.util import insert_values_in_args
from apache_beam.pipeline import AppliedPTransform
from apache_beam.pvalue import AsSingleton

from pipelines.jobs import JOB_NAMES, load_job
from pipelines.runs.fingerprint import job_context
from pipelines.runs.folder import RunFolder
from pipelines.runs.run_file import write_run_file
from pipelines.runs.transforms import Commit
from schemas.recipe import Recipe

Values = dict[Any, list[Any]]
"""The elements of each collection of a graph."""


def run_plain(recipe: Recipe) -> None:
    """Runs every job of a recipe."""
    folder = RunFolder(recipe.run)
    write_run_file(folder, recipe)
    for name in JOB_NAMES:
        job = load_job(name)
        context = job_context(job, recipe, folder)
        pipeline = beam.Pipeline(runner="FnApiRunner")
        _ = job.build(pipeline, context) | "Commit" >> Commit(context, job.unit)
        values: Values = {}
        for applied in pipeline._root_transform().parts:
            _run(applied, values)


def _run(applied: AppliedPTransform, values: Values) -> None:
    """Runs a transform whose inputs are known; composites of ours are gone into, Beam's own are done at once."""
    transform = applied.transform
    inputs = [values[collection] for collection in applied.inputs if collection in values]
    if isinstance(transform, beam.Create):
        found = list(transform.values)
    elif isinstance(transform, beam.ParDo):
        found = list(_each(transform, inputs[0], values))
    elif isinstance(transform, beam.GroupByKey):
        found = _group(inputs[0])
    elif isinstance(transform, beam.Flatten):
        found = [element for collection in inputs for element in collection]
    elif isinstance(transform, beam.Reshuffle):
        found = inputs[0]
    elif isinstance(transform, beam.CombineGlobally):
        found = [transform.fn.apply(inputs[0])]
    else:
        for part in applied.parts:
            _run(part, values)
        return
    values[applied.outputs[None]] = found


def _each(transform: beam.ParDo, elements: list[Any], values: Values) -> Iterator[Any]:
    sides = [_side(side, values) for side in transform.side_inputs]
    args, kwargs = insert_values_in_args(transform.args, transform.kwargs, sides)
    transform.fn.setup()
    transform.fn.start_bundle()
    for element in elements:
        yield from transform.fn.process(element, *args, **kwargs) or ()
    transform.fn.finish_bundle()
    transform.fn.teardown()


def _side(side: Any, values: Values) -> Any:
    found = values[side.pvalue]
    return found[0] if isinstance(side, AsSingleton) else found


def _group(pairs: list[Any]) -> list[tuple[Any, list[Any]]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return list(groups.items())
