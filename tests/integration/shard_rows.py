"""What must hold of every row of finished shards."""

import pathlib

import torch

from mm1_model.data.loader import TrainingRows
from mm1_model.data.shard_set import ShardSet
from schemas.row_layout import num_positions


def check_every_row(run: pathlib.Path) -> int:
    """Reads all rows as the trainer does and returns how many they are.

    In every row the placeholders are those of its images, and no sample reaches into another: each begins with its own
    begin token at position 0, and they lie one after the other with the lengths that the index has.
    """
    shards = ShardSet(str(run))
    rows = TrainingRows(shards, image_size=16)
    per_image = shards.manifest.tokens_per_image
    for row in range(shards.num_rows):
        batch, lines = rows.batch_of_rows([row]), shards.lines(row)
        batch.check_values(placeholder_id=shards.special.image, tokens_per_image=per_image)
        assert batch.keys == tuple(line.key for line in lines)
        assert len(batch.image_positions) == per_image * batch.num_images
        assert batch.num_images == sum(line.n_images for line in lines)
        starts = batch.cu_seqlens[:-1].long()
        lengths = [num_positions(line.n_text, line.n_images, per_image) for line in lines]
        assert batch.cu_seqlens.diff().tolist() == lengths
        assert (batch.tokens_T[starts] == shards.special.begin).all()
        assert torch.equal(batch.positions_T, torch.cat([torch.arange(length) for length in lengths]))
        assert {line.kind for line in lines} == {lines[0].kind}
    return shards.num_rows
