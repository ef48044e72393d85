"""A small byte-pair vocabulary for open_clip's ``SimpleTokenizer``."""

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from world.models.architectures import NUM_MERGES

_WORD_END = "</w>"
"""Mark of ``SimpleTokenizer`` for the last symbol of a word."""


def learn_merges(texts: Iterable[str]) -> list[str]:
    """Returns ``NUM_MERGES`` merges, most useful first, as ``left right``.

    Raises:
        ValueError: if the texts are too uniform for so many merges.
    """
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=_WORD_END))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=10 * NUM_MERGES, end_of_word_suffix=_WORD_END, show_progress=False)
    tokenizer.train_from_iterator((text.lower() for text in texts), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    if len(merges) < NUM_MERGES:
        raise ValueError(f"the texts gave {len(merges)} merges, {NUM_MERGES} are needed")
    return [" ".join(pair) for pair in merges[:NUM_MERGES]]


def write_merges(merges: list[str], path: Path) -> None:
    """Writes the file that ``SimpleTokenizer(bpe_path=...)`` reads: a head line, then merges."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        packed.write("\n".join(["#version: 0.2", *merges]).encode())
    path.write_bytes(buffer.getvalue())
