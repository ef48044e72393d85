"""What a job derives from the tables that upstream jobs committed, worked out on the workers and not by the launcher.

So the graph of a job is the same whatever its input: it can be packaged before any job has run, and it stays small
however many parts there are. A plan is a function of the context alone: every worker comes to the same answer.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from pipelines.runs.job import JobContext

Value = TypeVar("Value")

Plan = Callable[[JobContext], Value]
"""A module-level function, so that it is pickled by name."""


@dataclass(frozen=True, slots=True)
class Planned(Generic[Value]):
    """The value of a plan: pickled as the question, answered where it is needed."""

    context: JobContext
    plan: Plan[Value]

    def value(self) -> Value:
        """Returns what the plan gives, worked out once in each process."""
        return cast(Value, _ANSWERS.get(self.context, self.plan))


class Late:
    """A function for ``beam.Map`` and ``beam.FlatMap`` of which some further arguments are ``Planned``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._function, self._arguments = function, arguments

    def __call__(self, element: Any) -> Any:
        """Returns the function's answer for an element, with the plans' values in their places."""
        values = (a.value() if isinstance(a, Planned) else a for a in self._arguments)
        return self._function(element, *values)


class _Answers:
    """The plans of one job of one run: those of another take their place, so that nothing grows or gets old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[str, str, str] | None = None
        self._values: dict[Plan[Any], Any] = {}

    def get(self, context: JobContext, plan: Plan[Any]) -> Any:
        asked = (context.run, context.job, context.fingerprint)
        with self._lock:
            if self._of != asked:
                self._of, self._values = asked, {}
            if plan not in self._values:
                self._values[plan] = plan(context)
            return self._values[plan]


_ANSWERS = _Answers()
