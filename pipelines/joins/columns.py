"""Some columns of a Parquet part, as plain rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.parquet as pq

from pipelines.runs import storage
from pipelines.runs.folder import BATCH_ROWS


def read_columns(path: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the rows of a part with the named columns alone; a nested one is named ``list.list.element.field``."""
    with storage.open_read(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
            yield from batch.to_pylist()
