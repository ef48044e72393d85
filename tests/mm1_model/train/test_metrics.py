from pathlib import Path

import pytest

from mm1_model.train.metrics import MetricsLog, read_metrics


def write_steps(path: Path, *, steps_done: int, until: int) -> None:
    log = MetricsLog(path, steps_done=steps_done)
    for step in range(steps_done + 1, until + 1):
        log.write({"step": step, "loss": step / 2})
    log.close()


def test_a_resumed_log_holds_each_step_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_steps(path, steps_done=0, until=5)

    write_steps(path, steps_done=3, until=6)

    assert [record["step"] for record in read_metrics(path)] == [1, 2, 3, 4, 5, 6]


def test_a_line_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo', encoding="utf-8")

    write_steps(path, steps_done=1, until=2)

    assert read_metrics(path) == [{"step": 1}, {"step": 2, "loss": 1.0}]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full, whose writes fail with ENOSPC")
def test_a_full_disk_costs_lines_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl", steps_done=0)
    log.close()
    log._stream = Path("/dev/full").open("a", encoding="utf-8")  # noqa: SIM115

    log.write({"step": 1})
    log.write({"step": 2})

    assert len(caplog.records) == 1
    assert "no more metrics are written" in caplog.text


def test_a_number_that_json_does_not_know_is_refused(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl", steps_done=0)

    with pytest.raises(ValueError, match="Out of range float values"):
        log.write({"step": 1, "loss": float("nan")})
    log.close()
