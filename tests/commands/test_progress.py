"""Progress in words."""

import pytest

from commands.progress import LINE_EVERY_S, ProgressDisplay, progress_line, top_reasons
from pipelines.runs.progress import JobProgress
from schemas.summary import UnitCounts

COUNTS = {"url": UnitCounts(n_in=200, n_out=150, rejected={"not_found": 40, "timeout": 10})}


def test_a_line_says_how_far_with_which_reasons_and_how_long() -> None:
    progress = JobProgress(job="fetch", done=25, total=100, counts=COUNTS)

    assert progress_line(progress, elapsed_s=20.0) == (
        "fetch       25/100 items  25 %  200 urls  ok 75 %  not_found 20 %  timeout 5 %  eta 1:00"
    )


def test_a_job_without_receipts_is_starting() -> None:
    assert progress_line(JobProgress(job="mix", done=0, total=0), elapsed_s=3.0) == "mix         starting"


def test_many_reasons_are_summed_up() -> None:
    reasons = {f"r{n}": n for n in range(1, 8)}

    assert top_reasons(reasons) == [("r7", 7), ("r6", 6), ("r5", 5), ("r4", 4), ("others", 6)]


def test_without_a_terminal_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0
    with ProgressDisplay(clock=lambda: now_s) as display:
        display.job("fetch")
        for done in range(100):
            now_s = done * LINE_EVERY_S / 10
            display.update(JobProgress(job="fetch", done=done, total=100))

    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [f"{done}/100" for done in range(10, 100, 10)]
