"""The recipe's tokenizer: learned on the text pool, or a given ``tokenizer.json``."""

import heapq
import os
from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from schemas.digests import keyed_digest
from schemas.row_layout import BEGIN, END, IMAGE, PAD, SPECIAL_NAMES, SpecialTokens

# The trainer's threads add nothing on samples of this size, and forked workers warn about them.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SAMPLE_ROWS = 20_000
"""Rows of the pool that a tokenizer is learned from, about."""

SAMPLE_CHARACTERS = 10_000
"""Of one row: a few long documents must not speak for all."""

SAMPLE_TOTAL = 32_000_000
"""Characters in all: bounds time (about 20 s) and memory. 7.5 MB already give a vocabulary of 16,384."""

_KNOWN_NAMES = {
    PAD: (PAD, "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<|padding|>"),
    BEGIN: (BEGIN, "<s>", "<|begin_of_text|>", "<|startoftext|>", "[BOS]"),
    END: (END, "</s>", "<|end_of_text|>", "<|endoftext|>", "[EOS]"),
    IMAGE: (IMAGE,),
}


def is_sampled(key: str, *, seed: int, pool_rows: int) -> bool:
    """Returns whether a pool row is among the about ``SAMPLE_ROWS`` that the tokenizer is learned from."""
    return pool_rows <= SAMPLE_ROWS or sample_order(key, seed=seed) < SAMPLE_ROWS / pool_rows


def sample_order(key: str, *, seed: int) -> float:
    """Returns a pool row's place in the sample, uniform in [0, 1) over keys and independent of all other rows."""
    return int(keyed_digest("tokenizer sample", str(seed), key, size=6), 16) / (1 << 48)


def bounded(texts: Iterable[tuple[float, str]]) -> list[str]:
    """Returns texts by their order up to ``SAMPLE_TOTAL`` characters, holding no more than those in memory."""
    kept: list[tuple[float, str]] = []
    total = 0
    for order, text in texts:
        heapq.heappush(kept, (-order, text))
        total += len(text)
        while total > SAMPLE_TOTAL and len(kept) > 1:
            total -= len(heapq.heappop(kept)[1])
    return [text for _, text in sorted(kept, reverse=True)]


def train_tokenizer(texts: Sequence[str], *, vocabulary: int) -> Tokenizer:
    """Learns a byte-level BPE (GPT-2's: every text has tokens, and decodes to itself). Same texts, same tokenizer.

    Args:
        texts: In a fixed order.
        vocabulary: Tokens in all, with the 256 bytes and the four special ones; fewer where the texts give fewer.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocabulary, 256 + len(SPECIAL_NAMES)),
        special_tokens=list(SPECIAL_NAMES),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def with_special_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """Adds those of the four special tokens to a given tokenizer that it has under no known name."""
    for name in SPECIAL_NAMES:
        if find_special(tokenizer, name) is None:
            tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False)])
    return tokenizer


def find_special(tokenizer: Tokenizer, name: str) -> int | None:
    """Returns the id of a special token under the first of its known names, None where it has none."""
    for known in _KNOWN_NAMES[name]:
        token = tokenizer.token_to_id(known)
        if token is not None:
            return int(token)
    return None


def special_tokens(tokenizer: Tokenizer) -> SpecialTokens:
    """Returns the ids of the special tokens of a tokenizer that has them all.

    Raises:
        SchemaError: One is missing.
    """
    found = {name: find_special(tokenizer, name) for name in SPECIAL_NAMES}
    return SpecialTokens.from_map({name: token for name, token in found.items() if token is not None})


def load_tokenizer(data: bytes) -> Tokenizer:
    """Returns the tokenizer of a ``tokenizer.json``, set so that no text turns into a special token.

    Raises:
        ValueError: It is not the JSON form of a tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"not a tokenizer.json of Hugging Face tokenizers: {error}") from error
    # A page that spells out "<image>" must not make a position that waits for an image.
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
