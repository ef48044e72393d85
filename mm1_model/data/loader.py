"""The trainer's view: positions of an endless order of rows, and the batches that stand there.

Position ``p`` of training counts rows over all steps and ranks: step ``s`` with ``B`` rows a step has the positions
from ``s B`` to ``(s + 1) B - 1``. What stands there is arithmetic on the manifest, so a loader has no state: any number
of ranks, threads or restarts reads the same rows in the same order.
"""

from collections.abc import Iterable, Sequence

from mm1_model.batch import PackedBatch
from mm1_model.data.collate import collate
from mm1_model.data.damage import ShardError
from mm1_model.data.pictures import Fit
from mm1_model.data.rows import OnDamage, RowReader
from mm1_model.data.shard_set import ShardSet


def row_numbers(step: int, rank: int, world_size: int, rows_per_step: int) -> range:
    """Returns the positions that a rank reads in a step: neighbours, so that one rank does not get only one kind.

    Ranks get as many as each other where ``rows_per_step`` is divisible by ``world_size``, else one more or less.
    """
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not in 0..{world_size - 1}")
    start = step * rows_per_step
    return range(start + rows_per_step * rank // world_size, start + rows_per_step * (rank + 1) // world_size)


class TrainingRows:
    """Batches by position. The last ``holdout_rows`` rows are never trained on. Safe to use from many threads."""

    def __init__(
        self,
        shards: ShardSet,
        *,
        image_size: int,
        holdout_rows: int = 0,
        fit: Fit = "stretch",
        on_damage: OnDamage = "stop",
    ) -> None:
        """Sets up reading.

        Raises:
            ShardError: There is no row, or the held-out rows leave none to train on.
        """
        if not shards.num_rows:
            raise ShardError(f"{shards.path} has no rows: the mixture it was made of is empty; see its README.md")
        if not 0 <= holdout_rows < shards.num_rows:
            raise ShardError(
                f"{holdout_rows} held-out rows of {shards.num_rows} in {shards.path} leave none to train on"
            )
        self.shards, self.num_rows = shards, shards.num_rows - holdout_rows
        self._image_size, self._image_token = image_size, shards.special.image
        self._reader = RowReader(shards, image_size=image_size, fit=fit, on_damage=on_damage)

    def row(self, position: int) -> int:
        """Returns the row at a position of training.

        The first pass has the stored order; each later one permutes the rows of each kind among their places, so
        the kinds stay in proportion at every prefix of every pass.
        """
        epoch, place = divmod(position, self.num_rows)
        return self.shards.order.epoch_row(place, self.num_rows, seed=self.shards.manifest.seed, epoch=epoch)

    def batch(self, positions: Iterable[int]) -> PackedBatch:
        """Returns the rows at the given positions as one batch.

        Raises:
            DamagedSampleError: A sample does not hold, under ``on_damage="stop"``.
        """
        return self.batch_of_rows([self.row(position) for position in positions])

    def batch_of_rows(self, rows: Sequence[int]) -> PackedBatch:
        """Returns rows by their number as one batch."""
        samples = [sample for row in rows for sample in self._reader.read(row)]
        return collate(samples, image_token=self._image_token, image_size=self._image_size)

    def holdout(self) -> range:
        """Returns the numbers of the held-out rows."""
        return range(self.num_rows, self.shards.num_rows)
