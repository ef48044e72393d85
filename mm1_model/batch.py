"""The input of the network: a packed micro-batch, built by the data loader, read by the model.

Legend: T positions, S samples, N images, V visual tokens of an image, C 3, H and W the tower's
image size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBatch:
    """All rows of a micro-batch as one flat sequence of samples, without padding.

    Sample ``i`` takes the positions ``cu_seqlens[i]:cu_seqlens[i + 1]``. No sample sees another:
    attention is causal within a sample and absent between samples, so it does not matter which row
    a sample came from.

    The tensors' shapes and types are checked when the batch is made; ``check_values`` reads them,
    and so belongs on the CPU, in the loader.
    """

    tokens_T: Tensor
    """``(T,)`` int64. A visual token holds the model's ``placeholder_id``."""

    positions_T: Tensor
    """``(T,)`` int64 position within the sample, from 0. Visual tokens count as positions."""

    cu_seqlens: Tensor
    """``(S + 1,)`` int32 boundaries of the samples, from 0 to T, strictly increasing. Built on the
    CPU.
    """

    max_seqlen: int
    """Positions of the longest sample. A plain integer, so that no kernel launch waits for the
    device.
    """

    images_NCHW: Tensor
    """``(N, 3, H, W)`` uint8 RGB at the tower's size, in the order in which they appear. N may be
    0.

    Bytes, since they are a quarter of the transfer; the model scales and normalises them with the
    tower's own mean and standard deviation.
    """

    image_positions: Tensor
    """``(N * V,)`` int64 flat positions of the placeholders: image after image, row-major within an
    image.
    """

    loss_mask_T: Tensor
    """``(T,)`` bool. True where the prediction made *at* position t, that of ``tokens_T[t + 1]``,
    enters the loss.

    So it is False at the last position of each sample, and wherever the next token is a placeholder
    ("no image loss", MM1 section 3). The position of an image's last visual token predicts the text
    after it and may be True.
    """

    keys: tuple[str, ...] = ()
    """The samples' keys in the order of ``cu_seqlens``, or nothing: the way from a loss back to the
    documents.
    """

    kinds: tuple[str, ...] = ()
    """The samples' kinds (interleaved, caption, text) in the same order, or nothing."""

    def __post_init__(self) -> None:
        _require("tokens_T", self.tokens_T, torch.int64, 1)
        _require("positions_T", self.positions_T, torch.int64, 1)
        _require("cu_seqlens", self.cu_seqlens, torch.int32, 1)
        _require("images_NCHW", self.images_NCHW, torch.uint8, 4)
        _require("image_positions", self.image_positions, torch.int64, 1)
        _require("loss_mask_T", self.loss_mask_T, torch.bool, 1)
        for name in ("positions_T", "loss_mask_T"):
            length = getattr(self, name).shape[0]
            if length != self.num_tokens:
                raise ValueError(f"{name} has {length} positions, tokens_T has {self.num_tokens}")
        for name in ("keys", "kinds"):
            given = len(getattr(self, name))
            if given not in (0, self.num_samples):
                raise ValueError(f"{name} has {given} entries for {self.num_samples} samples")

    @property
    def num_tokens(self) -> int:
        """T: positions of text and of images together."""
        return self.tokens_T.shape[0]

    @property
    def num_samples(self) -> int:
        """S."""
        return self.cu_seqlens.shape[0] - 1

    @property
    def num_images(self) -> int:
        """N."""
        return self.images_NCHW.shape[0]

    def to(self, device: torch.device | str) -> PackedBatch:
        """Returns the batch on ``device``; pinned tensors are copied without waiting."""
        return replace(
            self,
            tokens_T=self.tokens_T.to(device, non_blocking=True),
            positions_T=self.positions_T.to(device, non_blocking=True),
            cu_seqlens=self.cu_seqlens.to(device, non_blocking=True),
            images_NCHW=self.images_NCHW.to(device, non_blocking=True),
            image_positions=self.image_positions.to(device, non_blocking=True),
            loss_mask_T=self.loss_mask_T.to(device, non_blocking=True),
        )

    def pin_memory(self) -> PackedBatch:
        """Returns the batch in page-locked memory, as ``DataLoader(pin_memory=True)`` asks for
        it.
        """
        return replace(
            self,
            tokens_T=self.tokens_T.pin_memory(),
            positions_T=self.positions_T.pin_memory(),
            cu_seqlens=self.cu_seqlens.pin_memory(),
            images_NCHW=self.images_NCHW.pin_memory(),
            image_positions=self.image_positions.pin_memory(),
            loss_mask_T=self.loss_mask_T.pin_memory(),
        )

    def check_values(self, *, placeholder_id: int, tokens_per_image: int) -> None:
        """Checks everything that the shapes cannot show.

        Raises:
            ValueError: the boundaries do not tile the sequence, positions do not restart at 0 per
            sample, the
                placeholders are not where ``image_positions`` says or not ``tokens_per_image`` an
                image, or the loss mask asks for the prediction of a placeholder or of the next
                sample's first token.
        """
        _check_boundaries(self)
        _check_placeholders(self, placeholder_id, tokens_per_image)
        _check_loss_mask(self, placeholder_id)


def positions_from_boundaries(cu_seqlens: Tensor) -> Tensor:
    """Returns ``(T,)`` int64 positions that restart at 0 at each boundary of ``cu_seqlens (S +
    1,)``.
    """
    boundaries = cu_seqlens.to(torch.int64)
    starts_T = torch.repeat_interleave(boundaries[:-1], boundaries.diff())
    return torch.arange(starts_T.shape[0], device=cu_seqlens.device) - starts_T


def _require(name: str, tensor: Tensor, dtype: torch.dtype, dimensions: int) -> None:
    if tensor.dtype != dtype or tensor.dim() != dimensions:
        raise ValueError(
            f"{name} must be {dtype} with {dimensions} dimensions, got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )


def _check_boundaries(batch: PackedBatch) -> None:
    boundaries = batch.cu_seqlens.tolist()
    lengths = batch.cu_seqlens.diff()
    if not boundaries or boundaries[0] != 0 or boundaries[-1] != batch.num_tokens:
        raise ValueError(f"cu_seqlens must run from 0 to {batch.num_tokens}, got {boundaries[:1]} to {boundaries[-1:]}")
    if (lengths <= 0).any():
        raise ValueError(f"cu_seqlens must increase strictly, got {boundaries}")
    longest = int(lengths.max()) if lengths.numel() else 0
    if batch.max_seqlen != longest:
        raise ValueError(f"max_seqlen is {batch.max_seqlen}, the longest sample has {longest}")
    expected_T = positions_from_boundaries(batch.cu_seqlens)
    wrong = (batch.positions_T != expected_T).nonzero()
    if wrong.numel():
        t = int(wrong[0])
        raise ValueError(
            f"positions_T[{t}] is {int(batch.positions_T[t])}, must be {int(expected_T[t])}"
            " (positions restart at 0 in each sample)"
        )


def _check_placeholders(batch: PackedBatch, placeholder_id: int, tokens_per_image: int) -> None:
    found = (batch.tokens_T == placeholder_id).nonzero().flatten()
    features = batch.num_images * tokens_per_image
    if found.numel() != features:
        raise ValueError(
            f"the batch has {found.numel()} placeholders, but {batch.num_images} images of"
            f" {tokens_per_image} tokens give {features} features"
        )
    if not torch.equal(batch.image_positions, found):
        raise ValueError("image_positions are not the positions of the placeholders, in order")


def _check_loss_mask(batch: PackedBatch, placeholder_id: int) -> None:
    last = batch.cu_seqlens[1:].to(torch.int64) - 1
    if batch.loss_mask_T[last].any():
        raise ValueError("loss_mask_T is True at the last position of a sample")
    if (batch.loss_mask_T[:-1] & (batch.tokens_T[1:] == placeholder_id)).any():
        raise ValueError("loss_mask_T asks for the prediction of a visual token")
