"""The same program on real archives, pages, pictures, captions and books."""

import json
import pathlib

import pytest

from schemas.json_form import from_json
from schemas.manifest import Manifest
from tests.corpus import CORPUS, corpus_path
from tests.integration.lines import ROOT, mm1, run_line
from tests.integration.shard_rows import check_every_row

pytestmark = pytest.mark.slow


def real_recipe(folder: pathlib.Path) -> pathlib.Path:
    """Writes the recipe of real input into ``folder`` and returns its path."""
    corpus_path("warc", "dev-web.warc.gz")
    template = (ROOT / "tests" / "integration" / "real_input.yaml").read_text()
    path = folder / "real.yaml"
    path.write_text(template.replace("CORPUS", str(CORPUS)).replace("ROOT", str(ROOT)))
    return path


def test_real_input_becomes_shards_that_train(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    run_line(real_recipe(tmp_path), run)

    stats = json.loads(mm1("stats", str(run), "--json").stdout)
    for job, numbers in stats["jobs"].items():
        assert numbers["in"] == numbers["out"] + sum(numbers["rejected"].values()), job
    assert stats["jobs"]["interleave"]["out"] >= 130
    assert all(stats["shards"]["rows"][kind] > 0 for kind in ("interleaved", "caption", "text"))
    assert mm1("verify", str(run)).returncode == 0
    assert check_every_row(run) == sum(stats["shards"]["rows"].values())

    shares = from_json((run / "shards" / "manifest.json").read_bytes(), Manifest).shares
    rows = sum(stats["shards"]["rows"].values())
    assert shares["interleaved"] == pytest.approx(0.45, abs=1 / rows)
    assert shares["text"] == pytest.approx(0.10, abs=1 / rows)

    config = tmp_path / "train.yaml"
    config.write_text(
        f"version: 1\nshards: {run}/shards\nout: {tmp_path}/model\nsteps: 20\nrows_per_step: 2\n"
        "model: {preset: debug}\n"
    )
    trained = mm1("train", str(config))
    assert trained.returncode == 0, trained.stderr[-3000:]
    losses = [json.loads(line) for line in (tmp_path / "model" / "metrics.jsonl").read_text().splitlines()]
    assert max(line["step"] for line in losses if "step" in line) == 20
