"""The commands on a whole run, as a user calls them."""

import json
import pathlib
import shutil
from typing import Any

import pytest

import recipes
from tests.integration.lines import SmallWorld, digests, mm1

pytestmark = pytest.mark.slow

JOBS = ["interleave", "fetch", "dedup", "score", "select", "recaption", "mix"]


def as_json(*arguments: str) -> Any:
    done = mm1(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def statistics(reference_run: pathlib.Path) -> Any:
    return as_json("stats", str(reference_run))


def test_stats_add_up_for_every_job_and_unit(statistics: Any) -> None:
    assert list(statistics["jobs"]) == JOBS
    for job in statistics["jobs"].values():
        for counts in (job, *job["units"].values()):
            assert counts["in"] == counts["out"] + sum(counts["rejected"].values())
    shards = statistics["shards"]
    assert sum(shards["shares"].values()) == pytest.approx(1)
    assert set(shards["rows"]) == {"interleaved", "caption", "text"}
    assert {"count", "bytes", "rows", "samples", "text_tokens", "images", "shares"} <= set(shards)


def test_a_second_run_does_nothing_and_says_so(
    small_world: SmallWorld, reference_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    run = shutil.copytree(reference_run, tmp_path / "run")

    done = mm1("run", str(small_world.recipe), "--out", str(run), "--engine", "inproc")

    assert done.returncode == 0
    assert done.stdout == f"nothing to do: all 7 jobs are committed in {run}\n"
    assert digests(run) == digests(reference_run)


def test_a_dry_run_says_what_a_changed_threshold_would_run_again(
    small_world: SmallWorld, reference_run: pathlib.Path
) -> None:
    before = digests(reference_run)

    plan = as_json(
        "run", str(small_world.recipe), "--out", str(reference_run), "--dry-run", "--set", "score.min=0.7"
    )  # fmt: skip

    states = plan["jobs"]
    assert [states[job] for job in JOBS[:4]] == ["done"] * 4
    assert states["select"] == "would run: code, settings or inputs changed"
    assert states["mix"].startswith("would run: ")
    assert plan["settings"]["score.min"] == {"value": 0.7, "origin": "--set score.min=0.7"}
    assert plan["settings"]["seed"]["origin"].startswith(f"{small_world.recipe}:")
    assert digests(reference_run) == before


def test_status_says_done_for_every_job(reference_run: pathlib.Path) -> None:
    status = as_json("status", str(reference_run))

    assert [(job["job"], job["state"]) for job in status["jobs"]] == [(job, "done") for job in JOBS]


def test_the_shards_verify(reference_run: pathlib.Path) -> None:
    assert as_json("verify", str(reference_run))["ok"]


def test_a_rejected_limit_is_exit_code_1(
    small_world: SmallWorld, reference_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    # A copy: a run with other settings says so in run.json, and the reference is shared.
    run = shutil.copytree(reference_run, tmp_path / "run")

    done = mm1(
        "run", str(small_world.recipe), "--out", str(run), "--jobs", "interleave", "--engine", "inproc",
        "--set", "limits.max_rejected={interleave: 0.01}",
    )  # fmt: skip

    assert done.returncode == 1
    assert "limits.max_rejected.interleave: " in done.stderr


def test_a_training_step_leads_back_to_its_pages(
    small_world: SmallWorld, reference_run: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    settings = tmp_path / "train.yaml"
    settings.write_text(recipes.to_copy("train-quickstart"))
    trained = as_json(
        "train", str(settings), "--set", f"shards={reference_run}/shards", "--set", "steps=3",
        "--set", "rows_per_step=2", "--set", "micro_rows=2", "--set", "holdout.rows=2",
        "--set", "optimizer.warmup_steps=1", "--set", "model={preset: debug}",
    )  # fmt: skip
    assert trained["steps_done"] == 3

    samples = as_json("explain", str(reference_run), "--step", "2", "--model", str(tmp_path / "model"))["samples"]
    assert {sample["row"] for sample in samples} == {2, 3}
    page = next(sample for sample in samples if sample["kind"] == "interleaved")
    life = as_json("explain", str(reference_run), page["key"])
    assert "/pages-" in " ".join(event["text"] for event in life["events"] if event["job"] == "interleave")
    assert [event["item"] for event in life["events"] if event["job"] == "mix" and event["outcome"] == "written"] == [
        page["key"]
    ]

    picture = next((small_world.folder / "world" / "heldout" / "images").glob("*.jpg"))
    done = mm1(
        "generate", str(tmp_path / "model"), "--prompt", "<image>", "--image", str(picture), "--max-new-tokens", "3",
        "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["finish"] in {"length", "end"}


def test_the_report_opens_without_anything_else(reference_run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = mm1("report", str(reference_run), "-o", str(tmp_path / "report.html"))

    text = (tmp_path / "report.html").read_text()
    assert done.returncode == 0
    assert len(text) < 5_000_000
    assert text.count("data:image/webp;base64,") > 10
    assert "http-equiv" in text
    assert [word for word in ("@import", 'src="http', "url(http") if word in text] == []
    assert "Scores come from mm1-demo-clip, a toy" in text


def test_sql_sees_the_tables_and_nothing_else(reference_run: pathlib.Path, statistics: Any) -> None:
    pytest.importorskip("duckdb")
    sql = "select kind, sum(n_text)::bigint as tokens from samples group by kind"

    done = mm1("query", str(reference_run), sql, "--format", "json")

    tokens = {row["kind"]: row["tokens"] for row in json.loads(done.stdout)}
    assert tokens == statistics["shards"]["text_tokens"]
    refused = mm1("query", str(reference_run), "select * from read_csv('/etc/hostname')")
    assert refused.returncode == 2
    assert "file system operations are disabled" in refused.stderr


def test_show_reads_a_shard(reference_run: pathlib.Path) -> None:
    shard = sorted((reference_run / "shards").glob("*.tar"))[0]

    samples = as_json("show", str(shard), "-n", "3")["samples"]

    assert len(samples) == 3
    assert all(len(sample["content"]["texts"]) == len(sample["content"]["images"]) for sample in samples)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--", "--direct_num_worker=2"], 2, "Beam does not know --direct_num_worker=2"),
        (["--jobs", "mix..fetch"], 2, "'mix' comes after 'fetch'"),
        (["--jobs", "mux"], 2, "'mux' is not a job"),
        (["--set", "score.mim=1"], 2, "score.mim: unknown key, got 1. Did you mean 'min'?"),
        (["--set", "input={pages: [gone.warc]}"], 2, "gone.warc matches no file"),
        (["--set", "score.model=local-dir:gone"], 3, "gone is not a folder"),
        (["--master", "spark://host:7077"], 2, "engine 'local' has none"),
    ],
)
def test_what_cannot_run_is_told_before_any_work(
    small_world: SmallWorld, tmp_path: pathlib.Path, arguments: list[str], code: int, message: str
) -> None:
    done = mm1("run", str(small_world.recipe), "--out", str(tmp_path / "run"), *arguments)

    assert done.returncode == code
    assert message in done.stderr
    assert not (tmp_path / "run").exists()
