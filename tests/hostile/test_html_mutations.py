"""Ten thousand seeded mutations of real pages: no crash, and none over two CPU-seconds."""

import gzip
import random
import time

import pytest

from pipelines.interleave.document import extract_page
from tests.corpus import corpus_path
from tests.pipelines.interleave.pages import page

MUTATIONS = 10_000
MAX_CPU_S = 2.0


def mutate(body: bytes, other: bytes, generator: random.Random) -> bytes:
    """Cuts, splices, repeats or flips a stretch of a page."""
    start, end = sorted(generator.randrange(len(body) + 1) for _ in range(2))
    kind = generator.randrange(4)
    if kind == 0:
        return body[:start] + body[end:]
    if kind == 1:
        cut = generator.randrange(len(other) + 1)
        return body[:start] + other[cut : cut + 20_000] + body[start:]
    if kind == 2:
        return body[:start] + body[start : min(end, start + 500)] * generator.randrange(2, 200) + body[start:]
    flipped = bytearray(body)
    for _ in range(50):
        flipped[generator.randrange(len(flipped))] = generator.randrange(256)
    return bytes(flipped)


@pytest.mark.slow
def test_mutated_pages_do_no_harm() -> None:
    files = sorted(corpus_path("extraction", "html").glob("*.html.gz"))
    # Smaller pages, so that ten thousand take minutes and not an hour.
    bodies = [body for body in (gzip.decompress(path.read_bytes()) for path in files) if len(body) < 120_000]
    generator = random.Random(20240314)
    for number in range(MUTATIONS):
        body = mutate(generator.choice(bodies), generator.choice(bodies), generator)
        before = time.process_time()
        extract_page(page(body, content_type=None))
        seconds = time.process_time() - before

        assert seconds < MAX_CPU_S, f"mutation {number} of seed 20240314 took {seconds:.1f} s"
