"""CoCa captions with a key-value cache: open_clip's own model and its own words, several times
faster.

open_clip's ``generate`` reads the whole text, and projects the whole image into every layer, again
for each new token (its ``use_cache`` is always off), and needs transformers. Here each token passes
the layers once, and the image's keys and values are computed once.

Legend: B images, C 3 channels, H and W pixels, L tokens of a caption, D width, N heads, S
positions, F features of a head, M visual tokens, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from open_clip.coca_model import CoCa
from open_clip.transformer import TextTransformer
from torch import Tensor, nn
from torch.nn import functional as F

START_OF_TEXT = 49406
END_OF_TEXT = 49407
"""Of CLIP's vocabulary, and the defaults of open_clip's ``generate``."""


class TokenDecoder(Protocol):
    """What a caption asks of a tokenizer; open_clip's ``SimpleTokenizer`` has it."""

    def decode(self, tokens: list[int]) -> str:
        """Returns the text of ``tokens``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionSettings:
    """How long a caption is. The defaults are those of open_clip's ``generate``."""

    max_tokens: int = 30
    """Of a caption with its start and end tokens; the last one is the end token in any case."""

    min_tokens: int = 5
    """The end token may not come while a caption is shorter, its start token counted."""

    start_token: int = START_OF_TEXT
    end_token: int = END_OF_TEXT

    def __post_init__(self) -> None:
        if self.max_tokens <= self.min_tokens:
            raise ValueError(f"max_tokens {self.max_tokens} must be larger than min_tokens {self.min_tokens}")


class CocaCaptioner:
    """Greedy captions of a CoCa model of open_clip."""

    def __init__(self, model: CoCa, tokenizer: TokenDecoder, settings: CaptionSettings | None = None) -> None:
        """Sets up captioning; the model is put into evaluation mode.

        Raises:
            ValueError: the model's text tower is not open_clip's own, or its context is too short.
        """
        self.settings = settings or CaptionSettings()
        if not isinstance(model.text, TextTransformer) or model.text.attn_mask is None:
            raise ValueError(f"the text tower {type(model.text).__name__} is not open_clip's own causal one")
        if model.text.cls_emb is None:
            raise ValueError("the text tower has no class token; open_clip cannot caption with such a model either")
        if self.settings.max_tokens > model.context_length:
            raise ValueError(
                f"max_tokens {self.settings.max_tokens} is more than the model's context of {model.context_length}"
            )
        self._model = model.eval()
        self._text = model.text
        self._tokenizer = tokenizer

    def caption(self, images_NCHW: Tensor) -> list[str]:
        """Returns a caption for each image.

        Args:
            images_NCHW: ``(N, 3, H, W)`` pixels as the model's own preprocessing gives them.
        """
        return [self._decode(tokens) for tokens in self.tokens(images_NCHW).tolist()]

    @torch.inference_mode()
    def tokens(self, images_BCHW: Tensor) -> Tensor:
        """Returns ``(B, L)`` int64 tokens: open_clip's ``generate(generation_type="top_k",
        top_k=1)``.

        A caption that ends early is filled up with the model's padding token.
        """
        if images_BCHW.shape[0] == 0:
            return torch.empty(0, 1, dtype=torch.int64, device=images_BCHW.device)
        settings, pad = self.settings, self._model.pad_id
        reader = _CachedReader(self._model, images_BCHW, settings.max_tokens)
        current_B = torch.full((images_BCHW.shape[0],), settings.start_token, device=images_BCHW.device)
        columns = [current_B]
        done_B = torch.zeros_like(current_B, dtype=torch.bool)
        while len(columns) < settings.max_tokens:
            logits_BV = reader.read(current_B)
            if len(columns) < settings.min_tokens:
                logits_BV[:, settings.end_token] = -torch.inf
            is_last = len(columns) + 1 == settings.max_tokens
            best_B = torch.full_like(current_B, settings.end_token) if is_last else logits_BV.argmax(dim=1)
            current_B = torch.where(done_B, pad, best_B)
            columns.append(current_B)
            # CLIP's padding token is also "!": whoever says it has finished, as in open_clip.
            done_B = (current_B == settings.end_token) | (current_B == pad)
            if bool(done_B.all()):
                break
        return torch.stack(columns, dim=1)

    def _decode(self, tokens: list[int]) -> str:
        words = tokens[1:]
        for place, token in enumerate(words):
            if token in {self.settings.end_token, self._model.pad_id}:
                words = words[:place]
                break
        return self._tokenizer.decode(words).strip()


class _CachedReader:
    """The two text towers, one token at a time, each layer with the keys and values of what it has
    read.
    """

    def __init__(self, model: CoCa, images_BCHW: Tensor, capacity: int) -> None:
        self._text = cast(Any, model.text)
        self._decoder = cast(Any, model.text_decoder)
        _, visual_BMD = model.visual(images_BCHW)
        self._unimodal = [_SelfAttention(block, visual_BMD, capacity) for block in self._text.transformer.resblocks]
        self._multimodal = [_SelfAttention(block, visual_BMD, capacity) for block in self._decoder.resblocks]
        self._visual = [_CrossAttention(block, visual_BMD) for block in self._decoder.cross_attn]
        self._position = 0

    def read(self, tokens_B: Tensor) -> Tensor:
        """Reads one more token of each caption; returns the logits ``(B, V)`` of the next,
        float32.
        """
        dtype = self._text.transformer.get_cast_dtype()
        x_BD = self._text.token_embedding(tokens_B).to(dtype)
        x_BD = x_BD + self._text.positional_embedding[self._position].to(dtype)
        for layer in self._unimodal:
            x_BD = layer.forward(x_BD, self._position)
        # No norm here: open_clip norms the class token alone, which captions do without.
        for layer, visual in zip(self._multimodal, self._visual, strict=True):
            x_BD = visual.forward(layer.forward(x_BD, self._position))
        self._position += 1
        logits_BV: Tensor = self._decoder.ln_final(x_BD) @ self._decoder.text_projection
        return logits_BV.float()


class _SelfAttention:
    """One block of a text tower."""

    def __init__(self, block: Any, like: Tensor, capacity: int) -> None:
        self._block = block
        attention = block.attn
        shape = (like.shape[0], attention.num_heads, capacity, attention.head_dim)
        self._keys_BNSF = like.new_zeros(shape)
        self._values_BNSF = like.new_zeros(shape)

    def forward(self, x_BD: Tensor, position: int) -> Tensor:
        block, attention = self._block, self._block.attn
        q, k, v = F.linear(block.ln_1(x_BD), attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
        self._keys_BNSF[:, :, position] = _heads(attention, k)
        self._values_BNSF[:, :, position] = _heads(attention, v)
        seen = position + 1
        mixed = F.scaled_dot_product_attention(
            _heads(attention, q).unsqueeze(2), self._keys_BNSF[:, :, :seen], self._values_BNSF[:, :, :seen]
        )
        return _finish(block, x_BD, mixed)


class _CrossAttention:
    """One block that looks at the image, whose keys and values never change."""

    def __init__(self, block: Any, visual_BMD: Tensor) -> None:
        self._block = block
        attention, width = block.attn, block.attn.embed_dim
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        self._query = weight[:width], bias[:width]
        both = F.linear(block.ln_1_kv(visual_BMD), weight[width:], bias[width:])
        self._keys_BNMF, self._values_BNMF = (
            x.view(*x.shape[:2], attention.num_heads, -1).transpose(1, 2).contiguous() for x in both.chunk(2, dim=-1)
        )

    def forward(self, x_BD: Tensor) -> Tensor:
        query = F.linear(self._block.ln_1(x_BD), *self._query)
        heads = _heads(self._block.attn, query).unsqueeze(2)
        mixed = F.scaled_dot_product_attention(heads, self._keys_BNMF, self._values_BNMF)
        return _finish(self._block, x_BD, mixed)


def _heads(attention: nn.MultiheadAttention, x_BD: Tensor) -> Tensor:
    return x_BD.view(x_BD.shape[0], attention.num_heads, attention.head_dim)


def _finish(block: Any, x_BD: Tensor, mixed_BN1F: Tensor) -> Tensor:
    x_BD = x_BD + block.ls_1(block.attn.out_proj(mixed_BN1F.flatten(1)))
    out_BD: Tensor = x_BD + block.ls_2(block.mlp(block.ln_2(x_BD)))
    return out_BD
