"""Forgetting takes samples out and moves nothing else, whatever happens on the way."""

import hashlib
import pathlib
import shutil
from typing import Any

import pytest

from mm1_model.data.loader import TrainingRows, row_numbers
from mm1_model.data.shard_set import ShardSet
from pipelines.mix.forget import ForgetError, ForgetRequest, forget, next_name, steps_that_used
from pipelines.runs import storage
from pipelines.verify.diff import diff
from pipelines.verify.verify import verify_shards
from tests.pipelines.mix.pools import read_manifest, read_metas, run_mix, small_mixture

DOMAIN = ForgetRequest(domains=("site3.example",))


@pytest.fixture
def run(mixed_run: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(mixed_run, tmp_path / "run")
    return tmp_path / "run"


def digests(run: pathlib.Path) -> dict[str, str]:
    paths = (path for path in (run / "shards").rglob("*") if path.is_file())
    return {str(p.relative_to(run)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_a_domain_goes_and_every_other_sample_stays_where_it_is(run: pathlib.Path) -> None:
    before = read_metas(run)
    wanted = {key for key, meta in before.items() if meta["source"]["domain"] == "site3.example"}
    report = forget(str(run), DOMAIN)
    after = read_metas(run)

    assert {sample.key for sample in report.samples} == wanted
    assert len(wanted) > 20
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == wanted
    assert b"site3.example" not in b"".join(p.read_bytes() for p in (run / "shards").glob("*.tar"))
    assert verify_shards(str(run)) == []
    difference = diff(str(run), str(run))
    assert difference.is_empty()


def test_the_card_says_how_much_was_forgotten_of_each_kind(run: pathlib.Path) -> None:
    card = (run / "shards" / "README.md").read_text()
    forget(str(run), DOMAIN)
    forget(str(run), ForgetRequest(domains=("site4.example",)))
    counts = read_manifest(run).forgotten

    after = (run / "shards" / "README.md").read_text()
    assert after.startswith(card)
    assert after.count("## Forgotten") == 1
    assert all(f"{count:,} {kind}" in after for kind, count in counts.items())


def test_the_reader_masks_what_is_forgotten_and_gives_the_rest_unchanged(
    run: pathlib.Path, mixed_run: pathlib.Path
) -> None:
    gone = {sample.key for sample in forget(str(run), DOMAIN).samples}
    before = TrainingRows(ShardSet(str(mixed_run)), image_size=16)
    after = TrainingRows(ShardSet(str(run)), image_size=16)

    for row in range(before.num_rows):
        old, new = before.batch_of_rows([row]), after.batch_of_rows([row])
        assert new.cu_seqlens.tolist() == old.cu_seqlens.tolist()
        assert new.keys == old.keys
        for number, key in enumerate(new.keys):
            place = slice(int(new.cu_seqlens[number]), int(new.cu_seqlens[number + 1]))
            if key in gone:
                assert not new.loss_mask_T[place].any()
                assert set(new.tokens_T[place].tolist()) == {0}
            else:
                assert new.tokens_T[place].tolist() == old.tokens_T[place].tolist()


def test_only_shards_that_held_it_are_written_again(run: pathlib.Path) -> None:
    target = next(iter(read_metas(run).values()))
    before = read_manifest(run)
    report = forget(str(run), ForgetRequest(urls=(target["source"]["url"],)))
    after = read_manifest(run)

    changed = [b.name for a, b in zip(before.shards, after.shards, strict=True) if a != b]
    assert changed == list(report.shards)
    assert 0 < len(changed) < len(after.shards)
    assert sum(after.forgotten.values()) == len(report.samples)


def test_an_image_is_forgotten_by_its_content_wherever_it_stands(run: pathlib.Path) -> None:
    image_id = next(meta["image_ids"][0] for meta in read_metas(run).values() if meta["image_ids"])
    expected = {key for key, meta in read_metas(run).items() if image_id in meta["image_ids"]}
    report = forget(str(run), ForgetRequest(image_ids=(image_id,)))

    assert {sample.key for sample in report.samples} == expected
    assert len(expected) > 1


def test_a_second_time_finds_nothing_and_changes_nothing(run: pathlib.Path) -> None:
    forget(str(run), DOMAIN)
    before = digests(run)

    assert forget(str(run), DOMAIN).samples == ()
    assert digests(run) == before


def test_a_dry_run_changes_nothing(run: pathlib.Path) -> None:
    before = digests(run)

    assert forget(str(run), DOMAIN, dry_run=True).samples
    assert digests(run) == before


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.mark.slow
def test_whoever_is_killed_at_any_write_leaves_a_whole_set_and_the_next_call_ends_the_same(
    run: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ForgetRequest(domains=("site5.example",))
    whole = tmp_path / "whole"
    shutil.copytree(run, whole)
    forget(str(whole), request)
    expected, publish, remove = digests(whole), storage.publish, storage.remove

    for kill_at in range(200):
        folder = tmp_path / f"killed-{kill_at}"
        shutil.copytree(run, folder)
        left = [kill_at]

        def count(function: Any, left: list[int] = left) -> Any:
            def wrapped(*args: Any) -> Any:
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                return function(*args)

            return wrapped

        monkeypatch.setattr(storage, "publish", count(publish))
        monkeypatch.setattr(storage, "remove", count(remove))
        try:
            forget(str(folder), request)
            break
        except Killed:
            pass
        finally:
            monkeypatch.setattr(storage, "publish", publish)
            monkeypatch.setattr(storage, "remove", remove)
        assert {f.check for f in verify_shards(str(folder), fast=True)} <= {"stranger"}
        forget(str(folder), request)
        assert digests(folder) == expected
        shutil.rmtree(folder)

    assert kill_at > 10


def test_a_run_that_is_mixed_again_leaves_out_what_was_forgotten(run: pathlib.Path) -> None:
    forget(str(run), DOMAIN)
    summary = run_mix(run, small_mixture(rows_per_shard=9))

    assert summary.counts["sample"].rejected["forgotten"] > 20
    assert all(meta["source"]["domain"] != "site3.example" for meta in read_metas(run).values())
    assert verify_shards(str(run)) == []


def test_the_steps_that_used_a_row_are_those_whose_batches_held_it(run: pathlib.Path) -> None:
    report = forget(str(run), ForgetRequest(domains=("site3.example",)), dry_run=True)
    rows, training = report.rows()[:3], TrainingRows(ShardSet(str(run)), image_size=16, holdout_rows=4)
    steps = 3 * training.num_rows // 8
    used = [s for s in range(steps) if {training.row(p) for p in row_numbers(s, 0, 1, 8)} & set(rows)]

    assert steps_that_used(str(run), rows, rows_per_step=8, steps=steps, holdout_rows=4) == used


def test_a_damaged_shard_stops_before_anything_is_changed(run: pathlib.Path) -> None:
    path = run / "shards" / "mix-00002.tar"
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(bytes(data))
    before = digests(run)

    with pytest.raises(ForgetError, match=r"mix-00002.tar, sample [0-9a-f]{32}, offset \d+: damaged"):
        forget(str(run), DOMAIN)
    assert digests(run) == before


def test_names_count_up() -> None:
    assert [next_name("mix-00003.tar"), next_name("mix-00003-1.tar"), next_name("mix-123456-9.tar")] == [
        "mix-00003-1.tar",
        "mix-00003-2.tar",
        "mix-123456-10.tar",
    ]


@pytest.mark.parametrize(
    ("values", "message"), [({}, "name at least one"), ({"image_ids": ("abc",)}, "'abc' is not a sha256")]
)
def test_a_request_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ForgetError, match=message):
        ForgetRequest(**values)
