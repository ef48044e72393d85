"""From the captions that sources offer to those that are left out: only keys, ids and scores are shuffled."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pipelines.joins.columns import read_columns
from pipelines.joins.lookup import Found
from pipelines.runs.job import JobContext
from pipelines.select.page_captions import Contender, losers
from pipelines.select.plans import CANDIDATES
from pipelines.select.workers import CANDIDATE, LOSERS
from schemas.digests import keyed_bucket
from schemas.summary import WorkReport

_COLUMNS = ("image_id", "key", "unit", "text_digest", "score")


def offered(report: WorkReport, paths: dict[str, int], context: JobContext) -> Iterator[tuple[int, str]]:
    """Yields ``(source, path)`` of the candidates that a report names."""
    for part in report.parts:
        if part.table == CANDIDATES:
            path = context.folder.path(part.path)
            yield paths[path], path


def contenders(offer: tuple[int, str], buckets: int) -> Iterator[tuple[int, tuple[Contender, ...]]]:
    """Yields what the choice looks at, by bucket of the image."""
    source, path = offer
    by_bucket: dict[int, list[Contender]] = defaultdict(list)
    for number, row in enumerate(read_columns(path, _COLUMNS)):
        row["is_pair"] = row.pop("unit") == CANDIDATE
        bucket = keyed_bucket("image", row["image_id"], buckets)
        by_bucket[bucket].append(Contender(source=source, row=number, **row))
    for bucket, members in by_bucket.items():
        yield bucket, tuple(members)


def lost(group: tuple[int, Iterable[tuple[Contender, ...]]]) -> Iterator[tuple[int, Found]]:
    """Yields ``(source, the rows of its candidates that are left out, with the keys that are kept)`` for one bucket."""
    bucket, batches = group
    by_image: dict[str, list[Contender]] = defaultdict(list)
    for batch in batches:
        for contender in batch:
            by_image[contender.image_id].append(contender)
    by_source: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for rivals in by_image.values():
        for out, kept in losers(rivals):
            by_source[out.source].append((out.row, kept.key))
    for source, rows in by_source.items():
        yield source, Found(LOSERS, bucket, tuple((str(row), key) for row, key in sorted(rows)))
