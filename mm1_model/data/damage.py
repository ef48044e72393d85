"""What is wrong with stored data, said with shard, key and offset."""


class ShardError(ValueError):
    """A folder of shards cannot be used; the message says why and what to do."""


class DamagedSampleError(ShardError):
    """One stored sample is not what its index says."""

    def __init__(self, shard: str, key: str, offset: int, why: str) -> None:
        super().__init__(f"shard {shard}, sample {key} at offset {offset}: {why}")
        self.shard, self.key, self.offset, self.why = shard, key, offset, why

    def __reduce__(self) -> tuple[type["DamagedSampleError"], tuple[str, str, int, str]]:
        return type(self), (self.shard, self.key, self.offset, self.why)
