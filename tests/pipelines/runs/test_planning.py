"""Plans are answered on workers: once in a process, anew for another job or another input."""

import dataclasses
import pathlib
from collections import Counter

import pytest

from pipelines.runs.job import JobContext
from pipelines.runs.planning import Late, Planned
from tests.pipelines.upstream import context_of, recipe

CALLS: Counter[str] = Counter()


def parts_of(context: JobContext) -> int:
    CALLS[context.fingerprint] += 1
    return len(context.fingerprint)


def named(element: str, count: int, separator: str) -> str:
    return f"{element}{separator}{count}"


@pytest.fixture
def context(tmp_path: pathlib.Path) -> JobContext:
    CALLS.clear()
    return context_of("score", recipe(tmp_path))


def test_a_plan_is_worked_out_once_for_all_who_ask(context: JobContext) -> None:
    one, copy = Planned(context, parts_of), Planned(dataclasses.replace(context), parts_of)

    assert [one.value(), one.value(), copy.value()] == [8, 8, 8]
    assert CALLS == {"of score": 1}


def test_a_plan_is_worked_out_anew_for_another_input(context: JobContext) -> None:
    other = dataclasses.replace(context, fingerprint="of another")

    assert [Planned(c, parts_of).value() for c in (context, other, context)] == [8, 10, 8]
    assert CALLS == {"of score": 2, "of another": 1}


def test_arguments_that_are_planned_are_given_as_values(context: JobContext) -> None:
    function = Late(named, Planned(context, parts_of), "-of-")

    assert function("part") == "part-of-8"
