"""The sizes of MM1, with the layers and widths that the paper does not give.

Sources: section 3.4 and appendix B (1.2B, 2.9B, 6.4B and 30B parameters without embeddings; 9M,
85M and 302M in the learning-rate study), section 3.4 (3B-MoE: 64 experts every 2 layers, 64B in
all; 7B-MoE: 32 experts every 4 layers, 47B in all).

How the widths were chosen:

- 85M, 302M, 1.2B, 6.4B and 30B are ``12 * layers * width**2`` of the customary shapes 12 x 768,
  24 x 1024, 24 x 2048, 32 x 4096 and 48 x 7168; 9M is 12 x 256. So layers and widths are those.
- A layer has ``4 * width**2`` parameters in full attention and ``3 * width * inside`` in a SwiGLU;
  ``inside`` is 8/3 of the width, as in Llama, which makes 12 again.
- 2.9B and 6.4B must also give the sums with experts. 18 sparse layers of 64 experts bring 3B to
  64B if a SwiGLU has 53M parameters: 36 x 2560 with full attention. 8 sparse layers of 32 experts
  bring 7B to 47B if it has 157M, so that less of a layer is attention: grouped queries, 8
  key-value heads, with 12,800 inside. 30B takes grouped queries too.
- Heads have 128 features (64 below 1B), Llama's and GPT's habit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mm1_model.config import ConnectorConfig, DecoderConfig, ModelConfig, MoEConfig, VisionConfig

SMALL_VOCABULARY = 32_768
LARGE_VOCABULARY = 100_352


def preset(
    name: str,
    *,
    vocab_size: int | None = None,
    placeholder_id: int = 0,
    begin_id: int | None = None,
    end_id: int | None = None,
    vision: VisionConfig | None = None,
    tokens_per_image: int | None = None,
) -> ModelConfig:
    """Returns the settings of a preset.

    Args:
        name: one of ``PRESETS``.
        vocab_size: the tokenizer's size; None for the preset's own.
        placeholder_id: the tokenizer's image token.
        begin_id: the tokenizer's begin token, if it has one.
        end_id: the tokenizer's end token, if it has one.
        vision: another tower, for example ``open_clip_vision_config("ViT-B-16-SigLIP")``.
        tokens_per_image: visual tokens an image, a perfect square; None for the preset's own.

    Raises:
        ValueError: there is no such preset, or the parts do not go together.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    parts = PRESETS[name]()
    decoder = replace(parts.decoder, vocab_size=vocab_size or parts.decoder.vocab_size)
    connector = parts.connector
    if tokens_per_image is not None:
        connector = replace(connector, num_tokens=tokens_per_image)
    return replace(
        parts,
        decoder=decoder,
        connector=connector,
        vision=vision or parts.vision,
        placeholder_id=placeholder_id,
        begin_id=begin_id,
        end_id=end_id,
    )


def _vit_l_336() -> VisionConfig:
    """The tower of the paper's base ablation (section 3, "Base Configuration")."""
    return VisionConfig(
        architecture={
            "embed_dim": 768,
            "vision_cfg": {
                "image_size": 336,
                "layers": 24,
                "width": 1024,
                "patch_size": 14,
                "timm_model_pretrained": False,
            },
            "quick_gelu": True,
        },
        image_size=336,
        patch_size=14,
        width=1024,
        model="ViT-L-14-336-quickgelu",
    )


def _vit_h_378() -> VisionConfig:
    """The tower of the final models (section 4); DFN's public weights are ``dfn5b``."""
    return VisionConfig(
        architecture={
            "embed_dim": 1024,
            "vision_cfg": {
                "image_size": 378,
                "layers": 32,
                "width": 1280,
                "head_width": 80,
                "patch_size": 14,
                "timm_model_pretrained": False,
            },
            "quick_gelu": True,
        },
        image_size=378,
        patch_size=14,
        width=1280,
        model="ViT-H-14-378-quickgelu",
    )


def _decoder(
    *, layers: int, width: int, heads: int, inside: int, vocabulary: int, groups: int | None = None
) -> DecoderConfig:
    return DecoderConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_layers=layers,
        num_heads=heads,
        num_key_value_heads=groups or heads,
        head_dim=width // heads,
        intermediate_size=inside,
    )


def _debug() -> ModelConfig:
    """Runs in milliseconds on a CPU, with every part of the real ones."""
    return ModelConfig(
        vision=VisionConfig(
            architecture={
                "embed_dim": 64,
                "vision_cfg": {
                    "image_size": 64,
                    "layers": 2,
                    "width": 64,
                    "head_width": 32,
                    "patch_size": 8,
                    "timm_model_pretrained": False,
                },
                "quick_gelu": False,
            },
            image_size=64,
            patch_size=8,
            width=64,
        ),
        connector=ConnectorConfig(num_tokens=16, hidden_size=64, depth=1),
        decoder=_decoder(layers=2, width=64, heads=4, groups=2, inside=192, vocabulary=1024),
        placeholder_id=0,
    )


def _small(decoder: DecoderConfig) -> ModelConfig:
    return ModelConfig(vision=_vit_l_336(), connector=ConnectorConfig(), decoder=decoder, placeholder_id=0)


def _9m() -> ModelConfig:
    return _small(_decoder(layers=12, width=256, heads=4, inside=688, vocabulary=SMALL_VOCABULARY))


def _85m() -> ModelConfig:
    return _small(_decoder(layers=12, width=768, heads=12, inside=2048, vocabulary=SMALL_VOCABULARY))


def _302m() -> ModelConfig:
    return _small(_decoder(layers=24, width=1024, heads=16, inside=2736, vocabulary=SMALL_VOCABULARY))


def _1b() -> ModelConfig:
    """The decoder of most ablations (section 3)."""
    return _small(_decoder(layers=24, width=2048, heads=16, inside=5504, vocabulary=LARGE_VOCABULARY))


def _final(decoder: DecoderConfig) -> ModelConfig:
    return ModelConfig(vision=_vit_h_378(), connector=ConnectorConfig(), decoder=decoder, placeholder_id=0)


def _3b() -> ModelConfig:
    return _final(_decoder(layers=36, width=2560, heads=20, inside=6912, vocabulary=LARGE_VOCABULARY))


def _7b() -> ModelConfig:
    return _final(_decoder(layers=32, width=4096, heads=32, groups=8, inside=12_800, vocabulary=LARGE_VOCABULARY))


def _30b() -> ModelConfig:
    """The paper adds a z-loss to this size alone."""
    decoder = _decoder(layers=48, width=7168, heads=56, groups=8, inside=23_552, vocabulary=LARGE_VOCABULARY)
    return replace(_final(decoder), z_loss_weight=1e-4)


def _3b_moe() -> ModelConfig:
    return replace(_3b(), moe=MoEConfig(num_experts=64, every=2))


def _7b_moe() -> ModelConfig:
    return replace(_7b(), moe=MoEConfig(num_experts=32, every=4))


PRESETS: Mapping[str, Callable[[], ModelConfig]] = {
    "debug": _debug,
    "9M": _9m,
    "85M": _85m,
    "302M": _302m,
    "1.2B": _1b,
    "3B": _3b,
    "7B": _7b,
    "30B": _30b,
    "3B-MoE": _3b_moe,
    "7B-MoE": _7b_moe,
}
