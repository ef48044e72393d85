"""The image URLs of committed documents: read from their one column."""

from collections.abc import Iterator

import ada_url
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.runs import storage

URL_COLUMN = "segments.list.element.url"
DATA_PREFIX = "data:"
BATCH_ROWS = 1024


def read_urls(path: str) -> Iterator[str]:
    """Yields the distinct image URLs of a part of documents, sorted; ``data:`` images have none to fetch."""
    found: set[str] = set()
    with storage.open_read(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS, columns=[URL_COLUMN]):
            segments = pc.list_flatten(batch.column(0))
            urls = pc.unique(pc.struct_field(segments, "url").drop_null())
            found.update(url for url in urls.to_pylist() if not url.startswith(DATA_PREFIX))
    yield from sorted(found)


def host_of(url: str) -> str:
    """Returns the host of a URL as it will be asked, ``""`` where it has none."""
    try:
        return str(ada_url.URL(url).hostname)
    except ValueError:
        return ""
