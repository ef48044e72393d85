"""Hosts with many URLs, cut into portions that one worker asks for in turn: no group holds all URLs of a host.

A portion's URLs are chosen by hash and lie in a file of their own. The portions of a host are worked on one after the
other, so the host is asked from one place at any time and its manners hold as they are, however many workers there are.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from pipelines.fetch.urls import host_of, read_urls
from pipelines.runs import storage
from pipelines.runs.job import JobContext
from pipelines.runs.receipts import WORK_FOLDER
from schemas.digests import keyed_bucket, keyed_digest

HostCounts = tuple[tuple[str, int], ...]
"""``(host, n)``: URLs of a host in a part, or portions of a host."""

Urls = tuple[str, ...]
Portion = tuple[int, int, str]
"""``(number, portions of its host, path of its URLs)``."""

HOST, PORTION = "host", "portion"
"""Streams: URLs by bucket of their host, and URLs by portion of a host that has several."""


def count_hosts(numbered: tuple[int, str], buckets: int) -> Iterator[tuple[int, tuple[int, HostCounts]]]:
    """Yields how many URLs a part of documents has on each host, by bucket of the host."""
    part, path = numbered
    counts = Counter(host_of(url) for url in read_urls(path))
    by_bucket: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for host, n in counts.items():
        by_bucket[keyed_bucket("host", host, buckets)].append((host, n))
    for bucket, found in by_bucket.items():
        yield bucket, (part, tuple(found))


def plan_portions(
    group: tuple[int, Iterable[tuple[int, HostCounts]]], urls_per_portion: int
) -> Iterator[tuple[int, HostCounts]]:
    """Yields for each part the hosts that are cut, with the number of their portions.

    A URL counts once for each part that has it, as it comes to its group: a portion is given about ``urls_per_portion``
    at most, and holds fewer where parts share them.
    """
    counts: Counter[str] = Counter()
    parts: dict[str, list[int]] = defaultdict(list)
    for part, found in group[1]:
        for host, n in found:
            counts[host] += n
            parts[host].append(part)
    by_part: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for host, n in sorted(counts.items()):
        if n > urls_per_portion:
            for part in parts[host]:
                by_part[part].append((host, -(-n // urls_per_portion)))
    for part, portions in by_part.items():
        yield part, tuple(portions)


def route_urls(
    group: tuple[int, Iterable[HostCounts]], paths: list[str], buckets: int
) -> Iterator[tuple[str, tuple[int | str, Urls]]]:
    """Yields the URLs of a part by stream: by bucket of their host, or by portion of a host that is cut."""
    part, found = group
    counts = dict(chain.from_iterable(found))
    hosts: dict[int, list[str]] = defaultdict(list)
    portions: dict[str, list[str]] = defaultdict(list)
    for url in read_urls(paths[part]):
        host = host_of(url)
        if host in counts:
            portions[_portion_key(host, keyed_bucket("portion", url, counts[host]), counts[host])].append(url)
        else:
            hosts[keyed_bucket("host", host, buckets)].append(url)
    yield from ((HOST, (bucket, tuple(urls))) for bucket, urls in hosts.items())
    yield from ((PORTION, (key, tuple(urls))) for key, urls in portions.items())


def write_portion(group: tuple[str, Iterable[Urls]], context: JobContext) -> tuple[str, Portion]:
    """Writes the distinct URLs of a portion, sorted, and returns ``(digest of its host, portion)``.

    The same URLs give the same file, so a repeated attempt changes nothing. It goes when the job commits.
    """
    key, batches = group
    host, number, count = key.split("-")
    path = context.folder.path(context.job, WORK_FOLDER, "portions", f"{key}.urls")
    storage.write_bytes(path, json.dumps(sorted(set(chain.from_iterable(batches)))).encode())
    return host, (int(number), int(count), path)


def read_portion(path: str) -> list[str]:
    """Returns the URLs of a portion, in order."""
    urls: list[str] = json.loads(storage.read_bytes(path))
    return urls


def _portion_key(host: str, number: int, count: int) -> str:
    # By a digest, since it becomes part of the names of files.
    return f"{keyed_digest('host', host, size=8)}-{number}-{count}"
