"""What must not be trained on: texts and images of evaluation sets, and how they are recognised.

Texts by runs of 13 words (Brown et al. 2020, arXiv 2005.14165, appendix C); shorter ones, of at least 8 words, as a
whole. Images by content or by perceptual hash within the radius of the recipe.
"""

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.inspect_image import ImageLimits
from pipelines.fetch.store import inspect
from pipelines.inputs.tables import read_json_lines, read_parquet_rows
from pipelines.runs import storage

MAX_WORDS, MIN_WORDS = 13, 8
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
TEXT_ENDINGS = (".txt", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")


@dataclass(slots=True, kw_only=True)
class EvaluationSet:
    """Evaluation items by what recognises them. Names are ``file`` or ``file:line``."""

    runs: dict[int, dict[int, str]] = field(default_factory=dict)
    """Number of words to digest of a run of words to name."""

    contents: dict[str, str] = field(default_factory=dict)
    """Image id to name."""

    hashes: list[int] = field(default_factory=list)
    hash_names: list[str] = field(default_factory=list)

    def text_item(self, text: str) -> str | None:
        """Returns the evaluation item whose words a text holds, None where it holds none."""
        words = _words(text)
        for length, names in sorted(self.runs.items()):
            for digest in _digests(words, length):
                if digest in names:
                    return names[digest]
        return None

    def image_items(self, phashes: Mapping[str, str | None], radius: int | None) -> Iterator[tuple[str, str]]:
        """Yields ``(image id, evaluation item)`` for the images that are, or are like, one of an evaluation set."""
        known = np.array(self.hashes, dtype=np.uint64)
        for image_id, phash in sorted(phashes.items()):
            name = self.contents.get(image_id)
            if name is None and phash is not None and radius is not None and len(known):
                name = self._nearest(np.uint64(int(phash, 16)), known, radius)
            if name is not None:
                yield image_id, name

    def _nearest(self, value: np.uint64, known: NDArray[np.uint64], radius: int) -> str | None:
        distances = np.bitwise_count(known ^ value)
        nearest = int(distances.argmin())
        return self.hash_names[nearest] if distances[nearest] <= radius else None


@functools.cache
def load_evaluation(paths: tuple[str, ...], limits: ImageLimits) -> EvaluationSet:
    """Returns the evaluation items of files and folders; read once in each process.

    Raises:
        ValueError: A path names no file, or a file is neither text, table nor image.
    """
    found = EvaluationSet()
    for path in evaluation_files(paths):
        if path.lower().endswith(IMAGE_ENDINGS):
            _add_image(path, limits, found)
        else:
            for name, text in _texts(path):
                _add_text(name, text, found)
    return found


def evaluation_files(paths: tuple[str, ...]) -> list[str]:
    """Returns the files that paths name, in order.

    Raises:
        ValueError: One names none, or names a file of an ending that is not known.
    """
    files: list[str] = []
    for path in paths:
        found = storage.list_files(path)
        known = [file for file in found if file.lower().endswith((*IMAGE_ENDINGS, *TEXT_ENDINGS))]
        if not known or (not storage.is_folder(path) and known != found):
            raise ValueError(
                f"decontaminate: {path} names no file of evaluation texts ({', '.join(TEXT_ENDINGS)}) or images"
                f" ({', '.join(IMAGE_ENDINGS)})"
            )
        files += known
    return files


def _add_image(path: str, limits: ImageLimits, found: EvaluationSet) -> None:
    try:
        image = inspect(storage.read_bytes(path), limits)
    except BadImageError as error:
        raise ValueError(f"decontaminate: {path}: {error.detail}") from error
    name = os.path.basename(path)
    found.contents[image.image_id] = name
    found.hashes.append(int(image.phash, 16))
    found.hash_names.append(name)


def _add_text(name: str, text: str, found: EvaluationSet) -> None:
    words = _words(text)
    length = min(len(words), MAX_WORDS)
    if length >= MIN_WORDS:
        names = found.runs.setdefault(length, {})
        for digest in _digests(words, length):
            names.setdefault(digest, name)


def _texts(path: str) -> Iterator[tuple[str, str]]:
    """Yields ``(name, text)``: the lines of a text file, every string of a table's rows."""
    base = os.path.basename(path)
    with storage.open_read(path) as file:
        if path.lower().endswith(".txt"):
            for number, line in enumerate(file):
                yield f"{base}:{number}", line.decode("utf-8", "replace")
        elif path.lower().endswith(".parquet"):
            columns = tuple(pq.ParquetFile(file).schema_arrow.names)
            for number, row in enumerate(read_parquet_rows(file, columns, ())):
                yield from ((f"{base}:{number}", text) for text in _strings(row))
        else:
            for number, fields in read_json_lines(file):
                if isinstance(fields, str):
                    raise ValueError(f"decontaminate: {path}, line {number}: {fields}")
                yield from ((f"{base}:{number}", text) for text in _strings(fields))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _words(text: str) -> list[str]:
    """Returns the words of a text without case and punctuation."""
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


def _digests(words: list[str], length: int) -> Iterator[int]:
    for run in zip(*(words[start:] for start in range(length)), strict=False):
        yield xxhash.xxh3_64_intdigest(" ".join(run).encode("utf-8", "surrogatepass"))
