"""The line of a runner's error that is shown: what went wrong, not where it passed through."""

import pytest

from pipelines.runs.runner import cause_of

OF_A_WORKER = """Error received from SDK harness for instruction 7: Traceback (most recent call last):
  File "worker.py", line 311, in _execute
    response = task()
ValueError: page 9 is longer than allowed

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "transforms.py", line 20, in process
    raise ValueError(text)
ValueError: page 9 is longer than allowed [while running 'Interleave/Run']

\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.onNext(FnApiControlClient.java:180)
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""

OF_A_JVM = """A PCollectionNode should have exactly one producing PTransformNode, but found 2:
PCollection:
}]"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (OF_A_WORKER, "ValueError: page 9 is longer than allowed [while running 'Interleave/Run']"),
        (OF_A_JVM, "A PCollectionNode should have exactly one producing PTransformNode, but found 2:"),
        ("No such bucket [while running 'Fetch/Run']", "No such bucket [while running 'Fetch/Run']"),
        ("", "RuntimeError"),
    ],
)
def test_one_line_says_what_went_wrong(text: str, line: str) -> None:
    assert cause_of(RuntimeError(text)) == line
