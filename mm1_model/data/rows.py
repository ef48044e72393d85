"""A stored row becomes tokens and images, sample by sample."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from mm1_model.data.damage import DamagedSampleError
from mm1_model.data.members import members
from mm1_model.data.pictures import Fit, decode
from mm1_model.data.shard_set import ShardSet, StoredSample
from schemas.row_layout import num_frame_tokens, num_positions, paragraphs
from schemas.rows import IndexLine

OnDamage = Literal["stop", "skip"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSample:
    """One sample of a row as the network takes it. Legend: L positions, N images, S side."""

    key: str
    kind: str
    tokens_L: "np.ndarray"
    """int64."""

    loss_mask_L: "np.ndarray"
    """bool: where the prediction of the next token counts."""

    images_N3SS: tuple[Tensor, ...]
    """uint8 RGB, each ``(3, S, S)``."""


class RowReader:
    """Reads rows of a ``ShardSet`` as samples of tokens and images. Safe to use from many threads."""

    def __init__(
        self, shards: ShardSet, *, image_size: int, fit: Fit = "stretch", on_damage: OnDamage = "stop"
    ) -> None:
        """Sets up reading.

        Args:
            shards: The rows.
            image_size: Side of the tower's input in pixels.
            fit: How an image becomes a square.
            on_damage: ``stop`` raises where a sample does not hold; ``skip`` logs it and masks its positions.
        """
        self.shards, self._image_size, self._fit, self._on_damage = shards, image_size, fit, on_damage
        self._special = shards.special
        self._tokenizer = shards.tokenizer
        self._tokens_per_image = shards.manifest.tokens_per_image

    def read(self, row: int) -> list[RowSample]:
        """Returns the samples of a row in order.

        Raises:
            DamagedSampleError: A sample does not hold, under ``on_damage="stop"``.
        """
        try:
            stored = self.shards.read_row(row)
        except DamagedSampleError as error:
            stored = [
                StoredSample(shard=error.shard, line=line, data=None, damage=error) for line in self.shards.lines(row)
            ]
        return [self._sample(sample) for sample in stored]

    def _sample(self, stored: StoredSample) -> RowSample:
        if stored.line.forgotten:
            return self._masked(stored.line)
        try:
            if stored.damage or stored.data is None:
                raise stored.damage or _damage(stored, "nothing is stored")
            return self._decode(stored, stored.data)
        except DamagedSampleError as error:
            if self._on_damage == "stop":
                raise
            _log.warning("masked a damaged sample: %s", error)
            return self._masked(stored.line)

    def _decode(self, stored: StoredSample, data: memoryview) -> RowSample:
        try:
            contents = list(members(data))
            meta = _metadata(contents, stored.line.key)
            pictures = dict(contents)
            images = [
                decode(pictures[f"{stored.line.key}.{name}"], self._image_size, fit=self._fit)
                for name in meta["images"]
                if name is not None
            ]
            tokens_L = self._tokens(meta)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _damage(stored, f"{type(error).__name__}: {error}") from error
        line = stored.line
        n_placeholders = int((tokens_L == self._special.image).sum())
        if (len(images), n_placeholders, len(tokens_L)) != (
            line.n_images,
            line.n_images * self._tokens_per_image,
            self._length(line),
        ):
            raise _damage(
                stored,
                f"{len(images)} images, {n_placeholders} placeholders and {len(tokens_L)} positions, but the index says"
                f" {line.n_images} images of {self._tokens_per_image} tokens and {line.n_text} text tokens",
            )
        return RowSample(
            key=line.key,
            kind=line.kind.value,
            tokens_L=tokens_L,
            loss_mask_L=loss_mask(tokens_L, self._special.image),
            images_N3SS=tuple(images),
        )

    def _tokens(self, meta: dict[str, Any]) -> "np.ndarray":
        image = [self._special.image] * self._tokens_per_image
        tokens = [self._special.begin]
        for text in meta["texts"]:
            if text is None:
                tokens += image
                continue
            for encoded in self._tokenizer.encode_batch_fast(paragraphs(text), add_special_tokens=False):
                tokens += encoded.ids
        source = meta["source"]
        if num_frame_tokens(source["piece"], source["pieces"], source["part"], source["parts"]) == 2:
            tokens.append(self._special.end)
        return np.array(tokens, dtype=np.int64)

    def _masked(self, line: IndexLine) -> RowSample:
        """Returns positions that nothing is learned from, as many as the sample had: no other sample moves."""
        length = self._length(line)
        return RowSample(
            key=line.key,
            kind=line.kind.value,
            tokens_L=np.full(length, self._special.pad, dtype=np.int64),
            loss_mask_L=np.zeros(length, dtype=bool),
            images_N3SS=(),
        )

    def _length(self, line: IndexLine) -> int:
        return num_positions(line.n_text, line.n_images, self._tokens_per_image)


def loss_mask(tokens_L: "np.ndarray", image: int) -> "np.ndarray":
    """Returns ``(L,)`` bool: True where the next token of the sample is text."""
    mask_L = np.zeros(len(tokens_L), dtype=bool)
    mask_L[:-1] = tokens_L[1:] != image
    return mask_L


def _metadata(contents: Sequence[tuple[str, memoryview]], key: str) -> dict[str, Any]:
    name, data = contents[-1] if contents else ("", memoryview(b""))
    if name != f"{key}.json":
        raise ValueError(f"the last member is {name!r}, expected {key}.json")
    meta = json.loads(bytes(data))
    if not isinstance(meta, dict):
        raise ValueError("the JSON member is no object")
    return meta


def _damage(stored: StoredSample, why: str) -> DamagedSampleError:
    return DamagedSampleError(stored.shard, stored.line.key, stored.line.offset, why)
