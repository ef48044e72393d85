"""Plans the mixture of millions of samples on one machine: time a step, rows, what stays empty, and peak memory.

    python -m benchmarks.mix_plan --samples 2000000

Only metadata is made, as the job's workers have it after measuring: lengths of web documents, captions and texts.
"""

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np

from pipelines.mix import plan
from schemas.samples import SampleKind

POSITIONS, IMAGES, TOKENS_PER_IMAGE = 4096, 16, 144
SHARES = {SampleKind.INTERLEAVED: 0.2, SampleKind.CAPTION: 0.7, SampleKind.TEXT: 0.1}
WEIGHTS = {"interleaved": 0.45, "caption": 0.45, "text": 0.10}
ROWS_PER_SHARD = 256


def make_pieces(kind: SampleKind, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns synthetic pieces: lognormal texts, about two images a document, one a caption."""
    pieces = np.zeros(count, dtype=plan.PIECE)
    pieces["order"] = rng.integers(0, 2**63 - 1, count)
    pieces["sample_high"] = rng.integers(0, 2**64 - 1, count, dtype=np.uint64)
    pieces["sample_low"] = rng.integers(0, 2**64 - 1, count, dtype=np.uint64)
    pieces["pieces"] = 1
    if kind is SampleKind.CAPTION:
        pieces["n_images"] = 1
        pieces["n_text"] = 2 + np.clip(rng.normal(20, 8, count), 3, 80)
        return pieces
    if kind is SampleKind.INTERLEAVED:
        pieces["n_images"] = np.minimum(IMAGES, 1 + rng.exponential(1.2, count).astype(int))
    room = POSITIONS - pieces["n_images"] * TOKENS_PER_IMAGE
    pieces["n_text"] = np.minimum(room, 2 + rng.lognormal(6.4, 1.0, count).astype(int))
    return pieces


def windows_of(pieces: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the pieces of each window, as the shuffle gives them to a worker."""
    windows = plan.num_windows(len(pieces))
    numbers = (pieces["sample_high"] >> np.uint64(64 - windows.bit_length() + 1)) if windows > 1 else None
    if numbers is None:
        yield pieces
        return
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(windows + 1))
    for window in range(windows):
        yield pieces[order[bounds[window] : bounds[window + 1]]]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    samples = parser.parse_args().samples
    rng = np.random.default_rng(1)
    pools = {kind: make_pieces(kind, int(samples * share), rng) for kind, share in SHARES.items()}
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    started = time.process_time()
    planned = {
        kind: [
            plan.plan_window(window, positions=POSITIONS, images=IMAGES, tokens_per_image=TOKENS_PER_IMAGE)
            for window in windows_of(pieces)
        ]
        for kind, pieces in pools.items()
    }
    packed_s = time.process_time() - started
    rows = {kind.value: [plan.count_rows(window) for window in windows] for kind, windows in planned.items()}
    layout = plan.Layout(weights=WEIGHTS, window_rows=rows, max_repeats=1, seed=1)

    started, n_laid, largest = time.process_time(), 0, 0
    for kind, windows in planned.items():
        for number, window in enumerate(windows):
            laid = plan.lay_window(window, kind, list(layout.rows_of_window(kind, number)))
            n_laid += len(laid)
            largest = max(largest, window.nbytes)
    laid_s = time.process_time() - started

    print("| samples | packed | laid out | window | peak memory | rows of the mixture | shards |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {samples:,} | {packed_s:.1f} CPU s | {laid_s:.1f} CPU s | {largest / 1e6:.2f} MB at most |"
        f" {peak_mb:.0f} MB (pools alone {before_mb:.0f} MB) | {layout.num_rows():,} |"
        f" {-(-layout.num_rows() // ROWS_PER_SHARD):,} |\n"
    )
    print("| kind | samples | rows | empty positions | of these by the image cap |")
    print("| --- | --- | --- | --- | --- |")
    for kind, pieces in pools.items():
        n_rows = sum(rows[kind.value])
        used = int((pieces["n_text"] + pieces["n_images"] * TOKENS_PER_IMAGE).sum())
        empty, capped = n_rows * POSITIONS - used, sum(_capped(window) for window in planned[kind])
        share = f"{empty / (n_rows * POSITIONS):.2%} | {capped / max(1, empty):.1%}"
        print(f"| {kind.value} | {len(pieces):,} | {n_rows:,} | {share} |")


def _capped(window: np.ndarray) -> int:
    images = np.bincount(window["row"], weights=window["n_images"])
    texts = np.bincount(window["row"], weights=window["n_text"])
    full = images >= IMAGES
    return int((POSITIONS - texts[full] - images[full] * TOKENS_PER_IMAGE).sum())


if __name__ == "__main__":
    main()
