"""Settings of the network: frozen, checked when made, stored as ``config.json`` beside the weights.

Nothing here imports torch, so that a recipe can be checked in milliseconds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

VisionKind = Literal["open_clip", "timm", "patches"]
ConnectorKind = Literal["c_abstractor", "average_pool", "attention_pool", "linear", "mlp"]
ImageAttention = Literal["causal", "bidirectional"]
MoEDispatch = Literal["dropless", "capacity"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

FORMAT_VERSION = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionConfig:
    """The image encoder. Its output is always a square grid of patch features, row-major."""

    kind: VisionKind = "open_clip"
    """``open_clip``: any ViT of open_clip, CLIP's or SigLIP's. ``timm``: a vision transformer of
    timm, among them the autoregressive AIM. ``patches``: linear patches without a tower (Fuyu).
    """

    architecture: Mapping[str, Any] = field(default_factory=dict)
    """What builds the tower without a registry or a network: for ``open_clip`` its model file's
    ``embed_dim``, ``vision_cfg`` and ``quick_gelu``; for ``timm`` the ``model_name`` and arguments.
    """

    image_size: int = 336
    """Side of the square input in pixels. MM1 ablates at 336 (section 3) and ends at 378."""

    patch_size: int = 14
    """Side of a patch in pixels."""

    width: int = 1024
    """Features of a patch."""

    mean: tuple[float, float, float] = CLIP_MEAN
    """Per channel, for pixels in [0, 1]. CLIP's."""

    std: tuple[float, float, float] = CLIP_STD
    """Per channel, for pixels in [0, 1]. CLIP's."""

    frozen: bool = False
    """MM1 trains the tower too ("all components unfrozen", section 3.3)."""

    model: str | None = None
    """Whose pretrained weights to take: a name of open_clip or timm, ``local-dir:FOLDER`` or
    ``hf-hub:NAME``.
    """

    pretrained: str | None = None
    """A tag of that model or a weights file. None starts at random, but for a folder and the Hub."""

    def __post_init__(self) -> None:
        _require_choice("vision.kind", self.kind, VisionKind)
        for name in ("image_size", "patch_size", "width"):
            _require_positive(f"vision.{name}", getattr(self, name))
        if self.image_size < self.patch_size:
            raise ValueError(f"vision.image_size {self.image_size} is less than one patch of {self.patch_size}")

    @property
    def grid_side(self) -> int:
        """Patches along one side. A rest narrower than a patch is dropped, as CLIP does."""
        return self.image_size // self.patch_size

    @property
    def num_patches(self) -> int:
        """Patch features of an image."""
        return self.grid_side**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorConfig:
    """What turns patch features into a fixed number of visual tokens (MM1 section 3.1)."""

    kind: ConnectorKind = "c_abstractor"
    """MM1's choice; the paper finds that the kind matters little."""

    num_tokens: int = 144
    """Visual tokens of an image. A perfect square: pooling keeps a square grid. MM1: 64 or 144."""

    hidden_size: int = 1024
    """Channels inside: of the C-Abstractor's convolutions (Honeybee), of the MLP, of the pooling
    attention.
    """

    depth: int = 3
    """C-Abstractor: blocks before and after the pooling each (Honeybee)."""

    num_heads: int = 16
    """Attention pool: heads."""

    def __post_init__(self) -> None:
        _require_choice("connector.kind", self.kind, ConnectorKind)
        for name in ("num_tokens", "hidden_size", "depth", "num_heads"):
            _require_positive(f"connector.{name}", getattr(self, name))
        if math.isqrt(self.num_tokens) ** 2 != self.num_tokens:
            raise ValueError(
                f"connector.num_tokens must be a perfect square, got {self.num_tokens};"
                f" the nearest are {_squares_around(self.num_tokens)}"
            )
        if self.kind == "attention_pool" and self.hidden_size % self.num_heads:
            raise ValueError(
                f"connector.hidden_size {self.hidden_size} is not divisible by connector.num_heads {self.num_heads}"
            )

    @property
    def grid_side(self) -> int:
        """Visual tokens along one side."""
        return math.isqrt(self.num_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeScaling:
    """Llama 3.1's stretching of RoPE's low frequencies ("rope_type": "llama3")."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_max_positions: int

    def __post_init__(self) -> None:
        if not 0 < self.low_frequency_factor < self.high_frequency_factor:
            raise ValueError(
                "rope_scaling needs 0 < low_frequency_factor < high_frequency_factor, got"
                f" {self.low_frequency_factor} and {self.high_frequency_factor}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """A causal transformer: RMSNorm before each part, RoPE, SwiGLU, grouped-query attention."""

    vocab_size: int
    """Rows of the embedding. It must be the tokenizer's size or more."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_key_value_heads: int
    """Equal to ``num_heads``: ordinary attention. Fewer: grouped queries (arXiv 2305.13245)."""

    head_dim: int
    intermediate_size: int
    """Width inside the SwiGLU (arXiv 2002.05202)."""

    max_positions: int = 4096
    """Longest sample that training shows. MM1: 4,096 (section 3.3)."""

    rope_theta: float = 10_000.0
    """Base of the rotary frequencies (arXiv 2104.09864)."""

    rope_scaling: RopeScaling | None = None

    rms_norm_eps: float = 1e-5
    """Llama 2 and 3 and Mistral use 1e-5, Qwen 1e-6."""

    tie_embeddings: bool = False
    """The output projection is the embedding matrix."""

    query_key_norm: bool = False
    """RMSNorm of each head's queries and keys before RoPE (Qwen 3)."""

    query_key_value_bias: bool = False
    """Biases of the three input projections of attention (Qwen 2)."""

    attention_output_bias: bool = False
    """Bias of attention's output projection (Llama's ``attention_bias`` sets both)."""

    mlp_bias: bool = False
    """Biases of the SwiGLU (Llama's ``mlp_bias``)."""

    image_attention: ImageAttention = "causal"
    """``causal``: visual tokens are tokens like all others, as in MM1. ``bidirectional``: the
    visual tokens of one image also see each other.
    """

    pretrained: str | None = None
    """A Hugging Face checkpoint in safetensors: a local folder, or ``hf-hub:NAME[@REVISION]``. None
    starts at random.
    """

    def __post_init__(self) -> None:
        for name in (
            "vocab_size",
            "hidden_size",
            "num_layers",
            "num_heads",
            "num_key_value_heads",
            "head_dim",
            "intermediate_size",
            "max_positions",
        ):
            _require_positive(f"decoder.{name}", getattr(self, name))
        _require_choice("decoder.image_attention", self.image_attention, ImageAttention)
        if self.num_heads % self.num_key_value_heads:
            raise ValueError(
                f"decoder.num_heads {self.num_heads} is not a multiple of"
                f" decoder.num_key_value_heads {self.num_key_value_heads}"
            )
        if self.head_dim % 2:
            raise ValueError(f"decoder.head_dim must be even for RoPE, got {self.head_dim}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoEConfig:
    """Sparse layers in the decoder (MM1 section 3.4; GShard, arXiv 2006.16668)."""

    num_experts: int
    """MM1: 64 for 3B, 32 for 7B."""

    every: int
    """Layers ``every - 1, 2 * every - 1, ...`` are sparse. MM1: 2 for 3B, 4 for 7B."""

    top_k: int = 2
    """Experts that a token visits (MM1: top-2 gating)."""

    balance_loss_weight: float = 0.01
    """Weight of the load-balance loss (MM1)."""

    router_z_loss_weight: float = 0.001
    """Weight of the router z-loss (MM1; ST-MoE, arXiv 2202.08906, equation 5)."""

    dispatch: MoEDispatch = "dropless"
    """``dropless``: every token reaches its experts. ``capacity``: an expert takes at most
    ``capacity_factor * top_k * tokens / experts`` tokens, the rest skip it (GShard).
    """

    capacity_factor: float = 2.0
    """With ``dispatch: capacity`` only. AXLearn's default in training and evaluation is 2."""

    def __post_init__(self) -> None:
        _require_choice("moe.dispatch", self.dispatch, MoEDispatch)
        for name in ("num_experts", "every", "top_k"):
            _require_positive(f"moe.{name}", getattr(self, name))
        if self.top_k > self.num_experts:
            raise ValueError(f"moe.top_k {self.top_k} is more than {self.num_experts} experts")
        for name in ("balance_loss_weight", "router_z_loss_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"moe.{name} must not be negative, got {getattr(self, name)}")
        if self.capacity_factor <= 0:
            raise ValueError(f"moe.capacity_factor must be positive, got {self.capacity_factor}")

    def is_sparse(self, layer: int) -> bool:
        """Whether the decoder layer of that number, from 0, has experts."""
        return layer % self.every == self.every - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The whole network."""

    vision: VisionConfig
    connector: ConnectorConfig
    decoder: DecoderConfig
    moe: MoEConfig | None = None

    placeholder_id: int
    """The token id that stands where a visual token goes. Never predicted, its embedding unused."""

    begin_id: int | None = None
    """The token id before each sample, and so before each prompt. None: there is none."""

    end_id: int | None = None
    """The token id that ends a sample; generation stops there."""

    z_loss_weight: float = 0.0
    """Weight of ``logsumexp(logits)**2`` (arXiv 2204.02311, section 5). MM1-30B: 1e-4."""

    def __post_init__(self) -> None:
        for name in ("placeholder_id", "begin_id", "end_id"):
            token = getattr(self, name)
            if token is not None and not 0 <= token < self.decoder.vocab_size:
                raise ValueError(f"{name} {token} is not in the vocabulary of {self.decoder.vocab_size}")
        if self.z_loss_weight < 0:
            raise ValueError(f"z_loss_weight must not be negative, got {self.z_loss_weight}")
        keeps_grid = self.connector.kind in ("linear", "mlp")
        if keeps_grid and self.connector.num_tokens != self.vision.num_patches:
            raise ValueError(
                f"connector {self.connector.kind!r} gives a token a patch: connector.num_tokens is"
                f" {self.connector.num_tokens}, the tower has {self.vision.num_patches} patches"
            )

    @property
    def tokens_per_image(self) -> int:
        """Positions that an image takes in a row."""
        return self.connector.num_tokens

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for ``config.json``."""
        values = dataclasses.asdict(self)
        return {"model_type": "mm1", "format_version": FORMAT_VERSION, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Reads what ``to_dict`` wrote.

        Raises:
            ValueError: another kind of model, another format version, or an unknown field.
        """
        given = dict(values)
        if given.pop("model_type", None) != "mm1":
            raise ValueError(f"not an mm1 config: model_type is {values.get('model_type')!r}")
        version = given.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise ValueError(f"config has format version {version}, this build reads {FORMAT_VERSION}")
        decoder = dict(given.pop("decoder"))
        if decoder.get("rope_scaling") is not None:
            decoder["rope_scaling"] = _build(RopeScaling, "rope_scaling", decoder["rope_scaling"])
        moe = given.pop("moe", None)
        parts = {
            "vision": _build(VisionConfig, "vision", given.pop("vision")),
            "connector": _build(ConnectorConfig, "connector", given.pop("connector")),
            "decoder": _build(DecoderConfig, "decoder", decoder),
            "moe": None if moe is None else _build(MoEConfig, "moe", moe),
        }
        return _build(cls, "config", {**given, **parts})


def _build(kind: type[T], name: str, values: Mapping[str, Any]) -> T:
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{name} has unknown fields {unknown}; known are {sorted(known)}")
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return kind(**tuples)


def _require_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _require_choice(name: str, value: str, choices: Any) -> None:
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {value!r}")


def _squares_around(value: int) -> str:
    root = math.isqrt(value)
    return f"{root**2} and {(root + 1) ** 2}"
