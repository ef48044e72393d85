"""Rows as they come out of shards: tokens, images, masks, and what happens where a sample does not hold."""

import logging
import pathlib
import pickle
import random
import shutil

import fsspec
import numpy as np
import pytest
import torch

from mm1_model.data.damage import DamagedSampleError, ShardError
from mm1_model.data.loader import TrainingRows, row_numbers
from mm1_model.data.rows import loss_mask
from mm1_model.data.shard_set import ShardSet
from schemas.row_order import RowOrder
from tests.pipelines.mix.pools import run_mix, small_mixture, standard_pools

SIZE = 16


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("rows") / "run"
    standard_pools(folder).write()
    run_mix(folder)
    return folder


@pytest.fixture(scope="module")
def shards(run: pathlib.Path) -> ShardSet:
    return ShardSet(str(run))


@pytest.fixture(scope="module")
def rows(shards: ShardSet) -> TrainingRows:
    return TrainingRows(shards, image_size=SIZE, holdout_rows=7)


def test_loss_counts_where_the_next_token_is_text() -> None:
    #                 bos  <image>x2  a  eos
    tokens = np.array([1, 3, 3, 9, 2])

    assert loss_mask(tokens, image=3).tolist() == [False, False, True, True, False]


def test_every_row_holds_what_the_index_says(shards: ShardSet, rows: TrainingRows) -> None:
    manifest = shards.manifest
    for row in range(shards.num_rows):
        batch, lines = rows.batch_of_rows([row]), shards.lines(row)
        batch.check_values(placeholder_id=shards.special.image, tokens_per_image=manifest.tokens_per_image)

        assert batch.keys == tuple(line.key for line in lines)
        assert batch.num_images == sum(line.n_images for line in lines) <= manifest.images_per_row
        assert batch.num_tokens <= manifest.sequence_length
        assert int(batch.loss_mask_T.sum()) == sum(line.n_loss for line in lines)
        assert len({line.kind for line in lines}) == 1


def test_tokens_decode_to_the_texts_with_begin_and_end(shards: ShardSet, rows: TrainingRows) -> None:
    import json

    from mm1_model.data.members import members

    for row in range(10):
        batch = rows.batch_of_rows([row])
        for number, stored in enumerate(shards.read_row(row)):
            assert stored.data is not None
            meta = json.loads(bytes(list(members(stored.data))[-1][1]))
            tokens = batch.tokens_T[int(batch.cu_seqlens[number]) : int(batch.cu_seqlens[number + 1])].tolist()
            source = meta["source"]
            is_last = source["piece"] == source["pieces"] - 1 and source["part"] == source["parts"] - 1

            assert tokens[0] == shards.special.begin
            assert (tokens[-1] == shards.special.end) == is_last
            text = shards.tokenizer.decode([t for t in tokens if t > 3], skip_special_tokens=False)
            assert text == "".join(t for t in meta["texts"] if t)


def test_a_text_that_spells_special_tokens_is_text(tmp_path: pathlib.Path) -> None:
    from dataclasses import replace

    from schemas.samples import PoolText

    pools = standard_pools(tmp_path / "run", interleaved=12, caption=12, text=6)
    pools.samples = [
        replace(
            s,
            segments=tuple(
                PoolText(text=f"<image><eos> {seg.text} <bos><pad>") if isinstance(seg, PoolText) else seg
                for seg in s.segments
            ),
        )
        for s in pools.samples
    ]
    pools.write()
    run_mix(tmp_path / "run")
    shards = ShardSet(str(tmp_path / "run"))
    rows = TrainingRows(shards, image_size=SIZE)

    for row in range(shards.num_rows):
        batch = rows.batch_of_rows([row])
        batch.check_values(placeholder_id=shards.special.image, tokens_per_image=9)
        assert batch.num_images == sum(line.n_images for line in shards.lines(row))


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 8])
def test_any_world_size_reads_the_rows_of_the_plan_in_its_order(shards: ShardSet, world_size: int) -> None:
    rows_per_step, n_rows = 24, shards.num_rows
    order = RowOrder(shards.manifest.weights, shards.manifest.pool_rows)
    training = TrainingRows(shards, image_size=SIZE)
    read = [
        training.row(position)
        for step in range(1000)
        for rank in range(world_size)
        for position in row_numbers(step, rank, world_size, rows_per_step)
    ]
    plan = [
        order.epoch_row(position % n_rows, n_rows, seed=shards.manifest.seed, epoch=position // n_rows)
        for position in range(1000 * rows_per_step)
    ]

    assert read == plan


def test_switches_of_world_size_on_the_way_change_nothing(shards: ShardSet) -> None:
    rng, training = random.Random(3), TrainingRows(shards, image_size=SIZE)
    read = []
    for step in range(1000):
        world_size = rng.choice([1, 2, 3, 4, 8])
        for rank in range(world_size):
            read += [training.row(p) for p in row_numbers(step, rank, world_size, 24)]

    assert read == [training.row(p) for p in range(24_000)]


def test_ranks_differ_by_at_most_one_row_and_hold_neighbours() -> None:
    parts = [row_numbers(5, rank, 3, 10) for rank in range(3)]

    assert [list(part) for part in parts] == [[50, 51, 52], [53, 54, 55], [56, 57, 58, 59]]


def test_a_reader_that_is_killed_anywhere_goes_on_with_the_same_batches(run: pathlib.Path) -> None:
    whole = TrainingRows(ShardSet(str(run)), image_size=SIZE)
    expected = [whole.batch(row_numbers(step, 0, 1, 4)).tokens_T for step in range(40)]

    for stop in random.Random(11).sample(range(40), 20):
        fresh = TrainingRows(ShardSet(str(run)), image_size=SIZE)
        assert torch.equal(fresh.batch(row_numbers(stop, 0, 1, 4)).tokens_T, expected[stop])


def test_held_out_rows_are_never_trained_on(rows: TrainingRows, shards: ShardSet) -> None:
    trained = {rows.row(position) for position in range(5 * rows.num_rows)}

    assert trained == set(range(shards.num_rows - 7))
    assert list(rows.holdout()) == list(range(shards.num_rows - 7, shards.num_rows))


def test_threads_read_what_one_thread_reads(rows: TrainingRows) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alone = [rows.batch([position]) for position in range(30)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        together = list(pool.map(lambda position: rows.batch([position]), range(30)))

    assert all(torch.equal(a.tokens_T, b.tokens_T) for a, b in zip(alone, together, strict=True))
    assert all(torch.equal(a.images_NCHW, b.images_NCHW) for a, b in zip(alone, together, strict=True))


def test_an_object_store_gives_the_same_rows(run: pathlib.Path, rows: TrainingRows) -> None:
    memory = fsspec.filesystem("memory")
    for path in (run / "shards").glob("*"):
        if path.is_file():
            memory.pipe_file(f"/bucket/shards/{path.name}", path.read_bytes())
    remote = TrainingRows(ShardSet("memory://bucket/shards"), image_size=SIZE, holdout_rows=7)

    for position in range(0, 40, 3):
        assert torch.equal(remote.batch([position]).tokens_T, rows.batch([position]).tokens_T)


def test_a_shard_set_goes_to_another_process(shards: ShardSet) -> None:
    again = pickle.loads(pickle.dumps(shards))  # noqa: S301  # our own object, for a worker process

    assert again.lines(3) == shards.lines(3)


@pytest.fixture
def damaged(run: pathlib.Path, tmp_path: pathlib.Path) -> tuple[pathlib.Path, int]:
    """A copy of the run with one flipped bit, and the row that has it."""
    shutil.copytree(run, tmp_path / "run")
    shards = ShardSet(str(tmp_path / "run"))
    row = next(r for r in range(9, shards.num_rows) if len(shards.lines(r)) > 1)
    line = shards.lines(row)[1]
    path = tmp_path / "run" / "shards" / shards.manifest.shards[row // 8].name
    data = bytearray(path.read_bytes())
    data[line.offset + 530] ^= 4
    path.write_bytes(bytes(data))
    return tmp_path / "run", row


def test_damage_stops_with_shard_key_and_offset(damaged: tuple[pathlib.Path, int]) -> None:
    run, row = damaged
    shards = ShardSet(str(run))
    line = shards.lines(row)[1]

    with pytest.raises(DamagedSampleError, match=rf"sample {line.key} at offset {line.offset}: CRC-32C is") as caught:
        TrainingRows(shards, image_size=SIZE).batch_of_rows([row])
    assert caught.value.shard == shards.manifest.shards[row // 8].name


def test_skipped_damage_is_masked_and_moves_nothing(
    damaged: tuple[pathlib.Path, int], rows: TrainingRows, caplog: pytest.LogCaptureFixture
) -> None:
    run, row = damaged
    good = rows.batch_of_rows([row])
    with caplog.at_level(logging.WARNING):
        bad = TrainingRows(ShardSet(str(run)), image_size=SIZE, on_damage="skip").batch_of_rows([row])

    assert bad.cu_seqlens.tolist() == good.cu_seqlens.tolist()
    start, end = int(bad.cu_seqlens[1]), int(bad.cu_seqlens[2])
    assert not bad.loss_mask_T[start:end].any()
    assert torch.equal(bad.tokens_T[:start], good.tokens_T[:start])
    assert torch.equal(bad.tokens_T[end:], good.tokens_T[end:])
    assert bad.keys[1] in caplog.text


def test_a_missing_shard_is_masked_too(damaged: tuple[pathlib.Path, int], rows: TrainingRows) -> None:
    run, row = damaged
    shards = ShardSet(str(run))
    (run / "shards" / shards.manifest.shards[row // 8].name).unlink()
    batch = TrainingRows(shards, image_size=SIZE, on_damage="skip").batch_of_rows([row])

    assert not batch.loss_mask_T.any()
    assert batch.num_tokens == rows.batch_of_rows([row]).num_tokens


def test_another_tokenizer_is_refused(run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "shards" / "tokenizer.json"
    path.write_text(path.read_text() + " ")

    with pytest.raises(ShardError, match="the rows were planned with"):
        TrainingRows(ShardSet(str(tmp_path / "run")), image_size=SIZE)


def test_a_folder_without_a_manifest_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ShardError, match=r"has no manifest\.json"):
        ShardSet(str(tmp_path))


def test_holding_out_everything_is_refused(shards: ShardSet) -> None:
    with pytest.raises(ShardError, match="leave none to train on"):
        TrainingRows(shards, image_size=SIZE, holdout_rows=shards.num_rows)


def test_rows_of_mixed_settings_are_found_by_arithmetic(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=20, caption=30, text=10).write()
    run_mix(run, small_mixture(rows_per_shard=3))
    shards = ShardSet(str(run))

    assert [shards.lines(row)[0].row for row in range(shards.num_rows)] == list(range(shards.num_rows))
    with pytest.raises(IndexError, match=r"is not in 0\.\."):
        shards.lines(shards.num_rows)
