"""Several processes against one, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mm1_model.train.checkpoint import checkpoint_folder, verify_checkpoint
from mm1_model.train.metrics import read_metrics
from mm1_model.train.run import train_on
from tests.mm1_model.train import ranks, synthetic

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


def launch(out: Path, *, processes: int, stop_after: int = -1, variant: str = "float32") -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, "-m", "tests.mm1_model.train.ranks", str(out), str(stop_after), variant],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    train_on(ranks.config(out), synthetic.network(), synthetic.data())
    return out


def assert_same_course(ours: Path, theirs: Path) -> None:
    for mine, other in zip(read_metrics(ours / "metrics.jsonl"), read_metrics(theirs / "metrics.jsonl"), strict=True):
        for name in ("step", "rows", "tokens", "loss_tokens", "images", "samples", "order", "learning_rate"):
            assert mine.get(name) == other.get(name)
        assert mine.keys() == other.keys()
        for name in {"loss", "gradient_norm", "loss_by_kind"} & mine.keys():
            assert mine[name] == pytest.approx(other[name], rel=2e-4)
        if "holdout" in mine:
            assert mine["holdout"]["loss"] == pytest.approx(other["holdout"]["loss"], rel=2e-4)
    final = [load_file(checkpoint_folder(out, 10) / "model" / "model.safetensors") for out in (ours, theirs)]
    assert final[0].keys() == final[1].keys()
    for name, tensor in final[1].items():
        torch.testing.assert_close(final[0][name], tensor, rtol=1e-3, atol=2e-5)


def assert_whole_without_pickle(folder: Path) -> None:
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert verify_checkpoint(folder) == []
    assert names == [
        "COMPLETE.json",
        "model/config.json",
        "model/model.safetensors",
        "optimizer/shard-00001-model-00001-of-00001.safetensors",
        "optimizer/shard-00002-model-00001-of-00001.safetensors",
        "training.json",
    ]
    for name in names:
        head = (folder / name).read_bytes()[:9]
        assert head[:1] == b"{" or head[8:9] == b"{"


def test_two_ranks_of_which_one_has_no_image_equal_one_process(alone: Path, tmp_path: Path) -> None:
    batches = [synthetic.batch_of([number]) for number in (1, 4)]  # The second micro-batch of step 1 on each rank.
    assert [batch.num_images == 0 for batch in batches] == [False, True]

    launch(tmp_path, processes=2)

    assert_same_course(tmp_path, alone)
    assert_whole_without_pickle(checkpoint_folder(tmp_path, 10))


def test_ranks_may_change_between_stop_and_start(alone: Path, tmp_path: Path) -> None:
    launch(tmp_path, processes=3, stop_after=3)
    stopped = [p.name for p in (tmp_path / "checkpoints").iterdir()]
    train_on(ranks.config(tmp_path), synthetic.network(), synthetic.data(), on_step=lambda report: None)

    assert stopped == ["step-00000004"]
    assert_same_course(tmp_path, alone)


def test_what_one_process_saved_two_go_on_with(alone: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(report: object) -> None:
        if getattr(report, "step", None) == 6:
            raise Killed

    with pytest.raises(Killed):
        train_on(ranks.config(tmp_path), synthetic.network(), synthetic.data(), on_step=kill)
    launch(tmp_path, processes=2)

    assert_same_course(tmp_path, alone)


@pytest.mark.parametrize("variant", ["frozen", "tied"])
def test_variants_of_the_network_equal_one_process(variant: str, tmp_path: Path) -> None:
    settings, network = ranks.variant_of(variant, tmp_path / "alone")
    train_on(settings, network, synthetic.data())

    launch(tmp_path / "ranks", processes=2, variant=variant)

    assert_same_course(tmp_path / "ranks", tmp_path / "alone")


def test_bfloat16_under_fsdp_learns(tmp_path: Path) -> None:
    launch(tmp_path, processes=2, variant="bfloat16")

    losses = [line["holdout"]["loss"] for line in read_metrics(tmp_path / "metrics.jsonl") if "holdout" in line]
    assert losses[-1] < losses[0] - 0.05
