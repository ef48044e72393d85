"""What Dataflow would be given, looked at without the cloud: the job graphs of all jobs."""

import dataclasses
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions

from pipelines.engines.flags import beam_flags
from pipelines.engines.settings import EngineSettings
from pipelines.jobs import JOB_NAMES, load_job
from pipelines.recipe import load_recipe
from pipelines.runs.job import JobContext
from pipelines.runs.transforms import Commit
from schemas.recipe import Recipe
from tests.integration.lines import ROOT

pytestmark = pytest.mark.slow

CLOUD = (
    "--project=lab",
    "--region=europe-west4",
    "--temp_location=gs://lab-bucket/tmp",
    "--staging_location=gs://lab-bucket/staging",
    "--job_name=mm1-test",
    "--dry_run=True",
    "--no_auth",
)

MOST_PAYLOAD_BYTES = 20_000
"""A pickled step larger than this drags something along that does not belong to it."""


def graph(name: str, recipe: Recipe) -> Any:
    """Returns the portable pipeline that Dataflow would be sent for one job."""
    context = JobContext(run=recipe.run, job=name, recipe=recipe, fingerprint="0")
    job = load_job(name)
    flags = beam_flags(EngineSettings(name="dataflow", beam_flags=CLOUD))
    pipeline = beam.Pipeline(options=PipelineOptions(flags))
    _ = job.build(pipeline, context) | "Commit" >> Commit(context, job.unit)
    pipeline.run()
    return pipeline.runner.proto_pipeline


def test_a_job_is_labelled_and_named_as_asked() -> None:
    flags = PipelineOptions(beam_flags(EngineSettings(name="dataflow", workers=40, beam_flags=CLOUD)))
    cloud = flags.view_as(GoogleCloudOptions)

    assert (cloud.labels, cloud.job_name, cloud.region) == (["program=mm1"], "mm1-test", "europe-west4")
    assert flags.view_as(WorkerOptions).max_num_workers == 40


def steps(proto: Any) -> dict[str, Any]:
    return {step.unique_name: step for step in proto.components.transforms.values()}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """A recipe whose run folder is not there: what a job is sent as depends on no upstream output."""
    return dataclasses.replace(load_recipe(str(ROOT / "recipes" / "quickstart.yaml")).recipe, run="/nowhere/run")


@pytest.fixture(scope="module", params=JOB_NAMES)
def sent(request: pytest.FixtureRequest, recipe: Recipe) -> Any:
    """The name of each job and the pipeline that Dataflow would be sent for it."""
    return request.param, graph(request.param, recipe)


def test_a_job_uses_only_what_every_engine_can_do(sent: tuple[str, Any]) -> None:
    _, proto = sent

    forbidden = ("splittable", "stateful", "bundle_finalization", "timers")
    assert [need for need in proto.requirements if any(word in need for word in forbidden)] == []


def test_what_is_flattened_is_neither_flattened_nor_reshuffled(sent: tuple[str, Any]) -> None:
    # The portable runners on the JVM then find two producers of one collection and refuse the pipeline.
    _, proto = sent
    urns = ("beam:transform:flatten:v1", "beam:transform:reshuffle:v1")
    made = {
        made: step
        for step in proto.components.transforms.values()
        if step.spec.urn in urns
        for made in step.outputs.values()
    }

    flattened = {
        made[given].unique_name: step.unique_name
        for step in proto.components.transforms.values()
        if step.spec.urn == "beam:transform:flatten:v1"
        for given in step.inputs.values()
        if given in made
    }

    assert flattened == {}


def test_the_steps_of_a_job_are_small(sent: tuple[str, Any]) -> None:
    _, proto = sent

    large = {
        label: len(step.spec.payload)
        for label, step in steps(proto).items()
        if step.spec.urn == "beam:transform:pardo:v1" and len(step.spec.payload) > MOST_PAYLOAD_BYTES
    }

    assert large == {}


@pytest.mark.parametrize("name", ["score", "recaption"])
def test_models_ask_for_the_accelerator_of_the_recipe(name: str, recipe: Recipe) -> None:
    settings = dataclasses.replace(getattr(recipe, name), accelerator="nvidia-l4")
    proto = graph(name, dataclasses.replace(recipe, **{name: settings}))

    hints = {
        value.decode()
        for environment in proto.components.environments.values()
        for urn, value in environment.resource_hints.items()
        if "accelerator" in urn
    }
    assert hints == {"type:nvidia-l4;count:1;install-nvidia-driver"}


def test_jobs_have_one_environment_unless_an_accelerator_is_asked_for(sent: tuple[str, Any]) -> None:
    _, proto = sent

    used = {step.environment_id for step in proto.components.transforms.values() if step.environment_id}
    assert len(used) == 1
