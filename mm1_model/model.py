"""MM1: an image encoder, a connector and a causal decoder over packed rows (arXiv 2403.09611).

Legend: T positions, S samples, N images, P patches, V visual tokens, E the tower's width, D the
decoder's width, M positions with a loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mm1_model.attention import AttentionBackend, packed_attention
from mm1_model.attention_backend import choose_backend
from mm1_model.batch import PackedBatch
from mm1_model.config import ModelConfig
from mm1_model.connector import build_connector
from mm1_model.decoder import Decoder, DecoderOutput
from mm1_model.fusion import fuse, image_ids
from mm1_model.initialise import initialise
from mm1_model.loss import LanguageHead
from mm1_model.moe import RouterStatistics
from mm1_model.vision import build_tower, normalise


class ModelOutput(NamedTuple):
    """The loss of a micro-batch, and its parts.

    Ranks with different numbers of loss tokens must not be averaged: to train on many, sum
    ``cross_entropy_sum`` and ``z_loss_sum``, divide by the global number, add the router loss.
    """

    loss: Tensor
    """``(cross_entropy_sum + z_loss_sum) / num_loss_tokens + router_loss``: a scalar, float32."""

    cross_entropy_sum: Tensor
    """Sum over the positions with a loss, in nats."""

    z_loss_sum: Tensor
    """Sum of ``z_loss_weight * logsumexp(logits) ** 2``."""

    router_loss: Tensor
    """Balance loss and router z-loss, weighted, mean over sparse layers. 0 without experts."""

    num_loss_tokens: Tensor
    """Scalar int64."""

    losses_T: Tensor
    """``(T,)`` float32 cross-entropy of each position, 0 where there is none. Detached."""

    routers: tuple[RouterStatistics, ...]
    """One for each sparse layer."""


class MM1(nn.Module):
    """The network. Built with whatever weights its modules draw; see ``build_model``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tower = build_tower(config.vision)
        self.connector = build_connector(config.connector, config.vision, config.decoder.hidden_size)
        self.decoder = Decoder(config.decoder, config.moe)
        self.head = LanguageHead(config.decoder.hidden_size, config.decoder.vocab_size, eps=config.decoder.rms_norm_eps)
        self.attention_backend: AttentionBackend | None = None
        """None chooses by device and type; tests and benchmarks set one."""
        self.tie_weights()
        if config.vision.frozen:
            self.tower.requires_grad_(False)

    def tie_weights(self) -> None:
        """Makes the output projection the embedding matrix, if the settings say so.

        To be called again after ``to_empty``, which separates them.
        """
        if self.config.decoder.tie_embeddings:
            self.head.projection.weight = self.decoder.embedding.weight

    def forward(self, batch: PackedBatch) -> ModelOutput:
        """Returns the loss of a packed micro-batch.

        Raises:
            ValueError: there are more or fewer placeholders than visual tokens.
        """
        # First of all, since it waits for the device, which has nothing queued yet.
        loss_positions_M = batch.loss_mask_T.nonzero().squeeze(1)
        hidden_TD, routers = self._decode(batch)
        targets_M = batch.tokens_T[loss_positions_M + 1]
        losses = self.head(hidden_TD[loss_positions_M], targets_M)
        z_losses_M = self.config.z_loss_weight * losses.log_partition_N.square()
        cross_entropy_sum, z_loss_sum = losses.cross_entropy_N.sum(), z_losses_M.sum()
        router_loss = self._router_loss(routers, cross_entropy_sum)
        count = max(loss_positions_M.shape[0], 1)
        losses_T = torch.zeros(batch.num_tokens, dtype=torch.float32, device=hidden_TD.device)
        return ModelOutput(
            loss=(cross_entropy_sum + z_loss_sum) / count + router_loss,
            cross_entropy_sum=cross_entropy_sum,
            z_loss_sum=z_loss_sum,
            router_loss=router_loss,
            num_loss_tokens=batch.loss_mask_T.sum(),
            losses_T=losses_T.index_copy(0, loss_positions_M, losses.cross_entropy_N.detach()),
            routers=routers,
        )

    def logits(self, batch: PackedBatch) -> Tensor:
        """Returns ``(T, vocabulary)`` float32 logits of all positions, for tests and evaluation."""
        return self.head.logits(self._decode(batch).hidden_TD)

    def encode_images(self, images_NCHW: Tensor) -> Tensor:
        """Returns the visual tokens ``(N, V, D)`` of uint8 RGB images at the tower's size."""
        vision = self.config.vision
        pixels_NCHW = normalise(images_NCHW, vision.mean, vision.std, self.tower.dtype)
        visual_NVD: Tensor = self.connector(self.tower(pixels_NCHW))
        return visual_NVD

    def embed(self, tokens_T: Tensor, images_NCHW: Tensor, image_positions: Tensor) -> Tensor:
        """Returns ``(T, D)``: embedded tokens with the visual tokens in their places.

        Without images the tower still runs, on one black image whose features count 0 times: the
        ranks of a sharded model must all take part in the same collectives.
        """
        embeddings_TD: Tensor = self.decoder.embedding(tokens_T)
        if images_NCHW.shape[0] == 0:
            if image_positions.shape[0]:
                raise ValueError(f"the row has {image_positions.shape[0]} placeholders, no image")
            side = self.config.vision.image_size
            black = torch.zeros(1, 3, side, side, dtype=torch.uint8, device=images_NCHW.device)
            return embeddings_TD + 0.0 * self.encode_images(black).sum().to(embeddings_TD.dtype)
        return fuse(embeddings_TD, self.encode_images(images_NCHW), image_positions)

    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks of tower and decoder: units to shard, checkpoint and compile."""
        return [*self.tower.blocks, *self.decoder.layers]

    def _decode(self, batch: PackedBatch) -> DecoderOutput:
        embeddings_TD = self.embed(batch.tokens_T, batch.images_NCHW, batch.image_positions)
        bidirectional = self.config.decoder.image_attention == "bidirectional"
        ids_T = None
        if bidirectional:
            ids_T = image_ids(batch.num_tokens, batch.image_positions, self.config.tokens_per_image)
        backend = self.attention_backend or choose_backend(
            embeddings_TD.device, self._compute_dtype(embeddings_TD), bidirectional_images=bidirectional
        )
        context = packed_attention(batch.cu_seqlens, batch.max_seqlen, backend=backend, image_ids_T=ids_T)
        decoded: DecoderOutput = self.decoder(embeddings_TD, batch.positions_T, context)
        return decoded

    def _compute_dtype(self, embeddings_TD: Tensor) -> torch.dtype:
        kind = embeddings_TD.device.type
        if torch.is_autocast_enabled(kind):
            return torch.get_autocast_dtype(kind)
        return embeddings_TD.dtype

    def _router_loss(self, routers: Sequence[RouterStatistics], like: Tensor) -> Tensor:
        moe = self.config.moe
        if moe is None or not routers:
            return torch.zeros_like(like)
        balance = torch.stack([r.balance_loss for r in routers]).mean()
        z_loss = torch.stack([r.z_loss for r in routers]).mean()
        return moe.balance_loss_weight * balance + moe.router_z_loss_weight * z_loss


def build_model(config: ModelConfig, *, seed: int, device: torch.device | str = "cpu") -> MM1:
    """Returns a new model with random weights: the same seed gives the same weights anywhere.

    Pretrained parts are loaded afterwards, by ``mm1_model.weights.load_pretrained_parts``.
    """
    model = empty_model(config, device=device)
    initialise(model, seed=seed)
    return model


def empty_model(
    config: ModelConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> MM1:
    """Returns a model whose parameters hold nothing in particular, to be filled by the caller."""
    with torch.device("meta"):
        model = MM1(config).to(dtype)
    if any(True for _ in model.buffers()):
        # Some of timm's towers compute tables when they are made; those would stay empty.
        with torch.random.fork_rng():
            model = MM1(config).to(device, dtype)
    else:
        model.to_empty(device=device)
    model.tie_weights()
    return model
