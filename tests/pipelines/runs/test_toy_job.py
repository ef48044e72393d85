"""A job of ten lines through the whole framework: run, skip, resume, repeat."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pytest

from pipelines.engines.settings import EngineSettings
from pipelines.runs import fingerprint, runner
from pipelines.runs.folder import RunFolder, read_part
from pipelines.runs.job import Job, JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.runner import JobResult, RunEngineError, RunError, run_line
from pipelines.runs.transforms import RunGroups, RunItems, Spread, Worker
from schemas.errors import SchemaError
from schemas.recipe import FetchSettings, InputSettings, Recipe
from schemas.rejections import Rejection, RejectReason
from schemas.summary import UnitCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    value: int


class MakeNumbers(Worker[int]):
    def run(self, item: int, output: ItemOutput) -> None:
        for value in range(item * 10, item * 10 + 10):
            output.count("number", n_in=1)
            if value % 7 == 0:
                detail = Rejection(job="toy", kind="number", item=str(value), reason=RejectReason.BAD_ROW)
                output.reject("number", detail)
            else:
                output.write(Number(value=value))
                output.count("number", n_out=1)


class SumBucket(Worker[tuple[int, list[int]]]):
    def run(self, item: tuple[int, list[int]], output: ItemOutput) -> None:
        _, values = item
        output.count("number", n_in=len(values), n_out=len(values))
        output.write(Number(value=sum(values)))
        output.total("sum", sum(values))


class Forgetful(Worker[int]):
    def run(self, item: int, output: ItemOutput) -> None:
        output.count("number", n_in=2, n_out=1)


def build_toy(root: beam.Pipeline, context: JobContext) -> Any:
    return root | RunItems(context, MakeNumbers(), four_items)


def build_sums(root: beam.Pipeline, context: JobContext) -> Any:
    numbers = root | Spread(context, toy_parts) | beam.FlatMap(read_numbers)
    return numbers | beam.Map(lambda number: (number.value % 3, number.value)) | RunGroups(context, SumBucket(), three)


def build_forgetful(root: beam.Pipeline, context: JobContext) -> Any:
    return root | RunItems(context, Forgetful(), one_item)


def four_items(context: JobContext) -> list[int]:
    return [0, 1, 2, 3]


def one_item(context: JobContext) -> list[int]:
    return [0]


def toy_parts(context: JobContext) -> list[str]:
    return context.folder.part_paths("toy")


def three(context: JobContext) -> int:
    return 3


def read_numbers(path: str) -> Iterator[Number]:
    yield from read_part(path, Number)


def nothing(recipe: Recipe) -> dict[str, Any]:
    return {}


TOY = Job(name="toy", unit="number", needs=(), settings=nothing, build=build_toy)
SUMS = Job(name="sums", unit="number", needs=("toy",), settings=nothing, build=build_sums)
FORGETFUL = Job(name="forgetful", unit="number", needs=(), settings=nothing, build=build_forgetful)
INPROC = EngineSettings(name="inproc")


def recipe(run: pathlib.Path) -> Recipe:
    return Recipe(version=1, run=str(run), input=InputSettings(text=("x",)), fetch=FetchSettings(source="archive"))


def files(run: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(run.rglob("*")):
        if path.is_file():
            yield path.relative_to(run).as_posix(), path.read_bytes()


def run_both(run: pathlib.Path, engine: EngineSettings = INPROC) -> list[JobResult]:
    return run_line(recipe(run), [TOY, SUMS], engine)


def test_numbers_go_through_and_are_counted(tmp_path: pathlib.Path) -> None:
    results = run_both(tmp_path)

    kept = [value for value in range(40) if value % 7]
    sums = [number.value for number in RunFolder(str(tmp_path)).read("sums", Number)]
    assert sums == [sum(v for v in kept if v % 3 == bucket) for bucket in range(3)]
    assert results[0].summary is not None
    assert results[0].summary.main() == UnitCounts(n_in=40, n_out=34, rejected={"bad_row": 6})
    assert results[1].summary is not None
    assert results[1].summary.totals == {"sum": sum(kept)}


def test_what_is_submitted_without_waiting_is_the_first_job_that_is_not_committed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = EngineSettings(name="inproc", wait=False)
    run_line(recipe(tmp_path), [TOY], engine)
    # A runner that only submits: nothing is committed when it returns.
    monkeypatch.setattr(runner, "_run_pipeline", lambda job, context, engine: None)

    results = run_line(recipe(tmp_path), [TOY, SUMS, FORGETFUL], engine)

    assert [(result.job, result.skipped) for result in results] == [("toy", True), ("sums", False)]
    assert results[1].summary is None


def test_a_second_run_does_nothing(tmp_path: pathlib.Path) -> None:
    run_both(tmp_path)
    before = dict(files(tmp_path))

    results = run_both(tmp_path)

    assert [result.skipped for result in results] == [True, True]
    assert dict(files(tmp_path)) == before


def test_two_folders_and_repeated_bundles_give_the_same_bytes(tmp_path: pathlib.Path) -> None:
    run_both(tmp_path / "a")
    run_both(tmp_path / "b", EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",)))

    assert dict(files(tmp_path / "a")) == dict(files(tmp_path / "b"))


def test_numbers_that_do_not_add_up_are_not_committed(tmp_path: pathlib.Path) -> None:
    with pytest.raises(RunError, match="2 in, 1 out, 0 rejected, so 1 are unaccounted for") as caught:
        run_line(recipe(tmp_path), [FORGETFUL], INPROC)

    assert isinstance(caught.value.__cause__, SchemaError)
    assert RunFolder(str(tmp_path)).summary("forgetful") is None


def test_a_lost_summary_is_made_again_from_receipts_or_work(tmp_path: pathlib.Path) -> None:
    run_both(tmp_path)
    before = dict(files(tmp_path))
    (tmp_path / "toy" / "summary.json").unlink()
    (tmp_path / "toy" / "part-00001-of-00004.parquet").unlink()
    (tmp_path / "toy" / "part-00009-of-00010.parquet").write_bytes(b"of an earlier recipe")

    run_both(tmp_path)

    assert dict(files(tmp_path)) == before


def test_workers_of_another_version_end_the_run_with_one_sentence(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launchers = iter(["of the launcher"] * 2)
    monkeypatch.setattr(fingerprint, "job_code", lambda job: next(launchers, "of a worker"))

    with pytest.raises(RunEngineError, match=r"Python workers run another version of this package than the launcher"):
        run_line(recipe(tmp_path), [TOY], INPROC)

    assert not list(tmp_path.rglob("*.parquet"))
