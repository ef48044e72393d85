"""MM1 as a model of transformers. ``mm1 export-model --to hf`` copies this file beside the weights.

It runs there together with copies of the modules that it imports, so a folder loads without this
project: ``AutoModelForImageTextToText.from_pretrained(FOLDER, trust_remote_code=True)``.

Legend: B sequences, L tokens of each, T = B * L, N images, S positions seen, H query heads, K
key-value heads, D features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from mm1_model.config import ModelConfig
from mm1_model.model import MM1
from mm1_model.vision import build_tower


class MM1Config(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Holds the network's own settings, whole, in ``network``."""

    model_type = "mm1"

    def __init__(self, network: dict[str, Any] | None = None, **kwargs: Any) -> None:
        self.network = network
        if network is not None:
            decoder = network["decoder"]
            kwargs.setdefault("bos_token_id", network["begin_id"])
            kwargs.setdefault("eos_token_id", network["end_id"])
            kwargs.setdefault("tie_word_embeddings", decoder["tie_embeddings"])
            self.vocab_size = decoder["vocab_size"]
            self.hidden_size = decoder["hidden_size"]
            self.num_hidden_layers = decoder["num_layers"]
            self.num_attention_heads = decoder["num_heads"]
            self.num_key_value_heads = decoder["num_key_value_heads"]
            self.head_dim = decoder["head_dim"]
            self.image_token_id = network["placeholder_id"]
        super().__init__(**kwargs)


@dataclass(slots=True)
class CachedAttention:
    """Attention of a padded batch over transformers' cache. For one forward pass."""

    cache: Cache | None
    mask_B1LS: Tensor
    layer: int = 0
    """The next layer to ask."""

    def attend(self, q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor) -> Tensor:
        """See ``AttentionContext``; T is ``B * L``."""
        batch_size, _, num_new, _ = self.mask_B1LS.shape
        q, k, v = (x.view(batch_size, num_new, x.shape[1], x.shape[2]).transpose(1, 2) for x in (q_THD, k_TKD, v_TKD))
        if self.cache is not None:
            k, v = self.cache.update(k, v, self.layer)
        self.layer += 1
        out_BHLD = F.scaled_dot_product_attention(
            q, k, v, attn_mask=self.mask_B1LS, enable_gqa=q.shape[1] != k.shape[1]
        )
        return out_BHLD.transpose(1, 2).flatten(0, 1)


class MM1ForConditionalGeneration(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Text from images and text."""

    config_class = MM1Config
    _supports_sdpa = True
    _tied_weights_keys = {  # noqa: RUF012 - transformers asks for a plain class attribute
        "network.head.projection.weight": "network.decoder.embedding.weight"
    }

    def __init__(self, config: MM1Config) -> None:
        super().__init__(config)
        self.network = MM1(ModelConfig.from_dict(config.network or {}))
        self.post_init()  # type: ignore[no-untyped-call]

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """See transformers, which leaves tables that are not stored with the weights empty."""
        loaded = super().from_pretrained(*args, **kwargs)
        (loaded[0] if isinstance(loaded, tuple) else loaded)._fill_tables()
        return loaded

    def _fill_tables(self) -> None:
        tables = dict(self.named_non_persistent_buffers())
        if not tables:
            return
        with torch.random.fork_rng(), torch.no_grad():
            fresh = build_tower(self.network.config.vision)
            for name, computed in fresh.named_buffers():
                table = tables.get(f"network.tower.{name}")
                if table is not None:
                    table.copy_(computed)

    def get_input_embeddings(self) -> torch.nn.Module:
        """See transformers."""
        return self.network.decoder.embedding

    def get_output_embeddings(self) -> torch.nn.Module:
        """See transformers."""
        return self.network.head.projection

    def forward(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Returns the logits of all tokens.

        Args:
            input_ids: ``(B, L)``, with ``tokens_per_image`` times ``image_token_id`` an image.
            pixel_values: ``(N, 3, S, S)`` uint8 RGB at the tower's size: normalisation is inside.
            attention_mask: ``(B, L)`` or, with a cache, ``(B, positions)``; 0 is padding, left of
                the text.
            past_key_values: what was read before.
            use_cache: whether to keep what is read; none is kept by default.
        """
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        seen = 0 if past_key_values is None else past_key_values.get_seq_length()
        if attention_mask is None:
            attention_mask = torch.ones(input_ids.shape[0], seen + input_ids.shape[1], device=input_ids.device)
        valid_BS = attention_mask.bool()
        positions_BS = (valid_BS.long().cumsum(1) - 1).clamp(min=0)
        context = CachedAttention(past_key_values, _mask(valid_BS, input_ids.shape[1]))
        embeddings_TD = self._embed(input_ids, pixel_values)
        positions_T = positions_BS[:, -input_ids.shape[1] :].flatten()
        hidden_TD = self.network.decoder(embeddings_TD, positions_T, context).hidden_TD
        logits = self.network.head.logits(hidden_TD).view(*input_ids.shape, -1)
        return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """See transformers. Images are read once, with the prompt."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(  # type: ignore[misc]
            input_ids, **kwargs
        )
        cache = inputs.get("past_key_values")
        has_read = cache is not None and cache.get_seq_length() > 0
        inputs["pixel_values"] = None if has_read else kwargs.get("pixel_values")
        return inputs

    def _embed(self, input_ids: Tensor, pixel_values: Tensor | None) -> Tensor:
        tokens_T = input_ids.flatten()
        if pixel_values is None:
            return self.network.decoder.embedding(tokens_T)  # type: ignore[no-any-return]
        places = (tokens_T == self.config.image_token_id).nonzero().squeeze(1)
        return self.network.embed(tokens_T, pixel_values, places)


def _mask(valid_BS: Tensor, num_new: int) -> Tensor:
    """Returns ``(B, 1, L, S)``: causal, and no padding but for what padding itself sees."""
    num_seen = valid_BS.shape[1]
    places_S = torch.arange(num_seen, device=valid_BS.device)
    queries_L = places_S[num_seen - num_new :]
    causal_LS = places_S <= queries_L.unsqueeze(1)
    itself_LS = places_S == queries_L.unsqueeze(1)
    return ((causal_LS & valid_BS.unsqueeze(1)) | itself_LS).unsqueeze(1)
