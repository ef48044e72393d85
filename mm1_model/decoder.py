"""The causal decoder: RMSNorm before each part, rotary grouped-query attention, SwiGLU or experts.

The structure is that of Llama 2 and 3, Mistral, Qwen 2 and 3 and, with experts, Mixtral, so that
their published weights load (``mm1_model/weights``).

Legend: T positions, D the model's width, H query heads, K key-value heads.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from mm1_model.attention import AttentionContext
from mm1_model.config import DecoderConfig, MoEConfig
from mm1_model.feed_forward import SwiGLU
from mm1_model.moe import MixtureOfExperts, RouterStatistics
from mm1_model.rope import Rotation, inverse_frequencies, rotate, rotation


class DecoderOutput(NamedTuple):
    """What the layers give. A named tuple, since FSDP looks for tensors in tuples only."""

    hidden_TD: Tensor
    """``(T, D)`` before the last norm, which belongs to the head."""

    routers: tuple[RouterStatistics, ...]
    """One for each sparse layer, in order."""


class Attention(nn.Module):
    """Rotary grouped-query self-attention. Which token sees which is the context's affair."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        query_width = config.num_heads * config.head_dim
        key_width = config.num_key_value_heads * config.head_dim
        bias = config.query_key_value_bias
        self.query = nn.Linear(config.hidden_size, query_width, bias=bias)
        self.key = nn.Linear(config.hidden_size, key_width, bias=bias)
        self.value = nn.Linear(config.hidden_size, key_width, bias=bias)
        self.output = nn.Linear(query_width, config.hidden_size, bias=config.attention_output_bias)
        self.query_norm: nn.Module = nn.Identity()
        self.key_norm: nn.Module = nn.Identity()
        if config.query_key_norm:
            self.query_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)
            self.key_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)

    def forward(self, x_TD: Tensor, turn: Rotation, context: AttentionContext) -> Tensor:
        """Maps ``(T, D)`` to ``(T, D)``."""
        v_TKD = self._heads(self.value(x_TD))
        # Under autocast norms and angles are float32; the attention kernels want one type.
        q_THD = rotate(self.query_norm(self._heads(self.query(x_TD))), turn).to(v_TKD.dtype)
        k_TKD = rotate(self.key_norm(self._heads(self.key(x_TD))), turn).to(v_TKD.dtype)
        mixed_THD = context.attend(q_THD, k_TKD, v_TKD)
        out_TD: Tensor = self.output(mixed_THD.flatten(1))
        return out_TD

    def _heads(self, x_TD: Tensor) -> Tensor:
        return x_TD.view(x_TD.shape[0], -1, self.head_dim)


class DecoderLayer(nn.Module):
    """``x + attention(norm(x))``, then ``x + feed_forward(norm(x))``."""

    def __init__(self, config: DecoderConfig, moe: MoEConfig | None, number: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.feed_forward: SwiGLU | MixtureOfExperts
        if moe is not None and moe.is_sparse(number):
            self.feed_forward = MixtureOfExperts(config.hidden_size, config.intermediate_size, moe)
        else:
            self.feed_forward = SwiGLU(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)

    def forward(
        self, x_TD: Tensor, turn: Rotation, context: AttentionContext
    ) -> tuple[Tensor, RouterStatistics | None]:
        """Returns ``(T, D)``, and what the router did if the layer is sparse."""
        x_TD = x_TD + self.attention(self.attention_norm(x_TD), turn, context)
        normed_TD = self.feed_forward_norm(x_TD)
        if isinstance(self.feed_forward, MixtureOfExperts):
            mixed_TD, statistics = self.feed_forward(normed_TD)
            return x_TD + mixed_TD, statistics
        return x_TD + self.feed_forward(normed_TD), None


class Decoder(nn.Module):
    """Embedding and layers. The last norm and the projection are in ``LanguageHead``."""

    def __init__(self, config: DecoderConfig, moe: MoEConfig | None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config, moe, number) for number in range(config.num_layers))

    def forward(self, embeddings_TD: Tensor, positions_T: Tensor, context: AttentionContext) -> DecoderOutput:
        """Runs the layers over embedded tokens.

        Args:
            embeddings_TD: ``(T, D)`` text embeddings and visual tokens, fused.
            positions_T: ``(T,)`` int64 position of each token within its sample.
            context: which token sees which.
        """
        turn = self._rotation(embeddings_TD, positions_T)
        hidden_TD = embeddings_TD
        routers: list[RouterStatistics] = []
        for layer in self.layers:
            hidden_TD, statistics = layer(hidden_TD, turn, context)
            if statistics is not None:
                routers.append(statistics)
        return DecoderOutput(hidden_TD, tuple(routers))

    def _rotation(self, embeddings_TD: Tensor, positions_T: Tensor) -> Rotation:
        # Computed, not stored: a buffer would be lost on the meta device and halved in bfloat16.
        frequencies = inverse_frequencies(
            self.config.head_dim,
            self.config.rope_theta,
            self.config.rope_scaling,
            embeddings_TD.device,
        )
        return rotation(positions_T, frequencies, embeddings_TD.dtype)
