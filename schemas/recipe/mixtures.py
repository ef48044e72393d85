"""What the shards hold, and in which shares."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT, check, positive, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureWeights:
    """Shares of rows by kind (MM1, section 3.2: 45 / 45 / 10)."""

    __pydantic_config__: ClassVar = STRICT

    interleaved: float = 0.45
    caption: float = 0.45
    text: float = 0.10

    def __post_init__(self) -> None:
        total = self.interleaved + self.caption + self.text
        shares = ", ".join(f"{name} {w:g}" for name, w in self.by_kind().items())
        check(
            *((w >= 0, f"{name}: must not be negative, got {w:g}") for name, w in self.by_kind().items()),
            (abs(total - 1) < 1e-9, f"the weights must add up to 1, got {total:g} ({shares})"),
        )

    def by_kind(self) -> dict[str, float]:
        """Returns the weights by the name of their kind."""
        return {"interleaved": self.interleaved, "caption": self.caption, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureSettings:
    """How samples become rows and rows become shards."""

    __pydantic_config__: ClassVar = STRICT

    weights: MixtureWeights = field(default_factory=MixtureWeights)
    vecap_share: float = 0.07
    """Share of caption samples that use the fused caption (MM1, section 3.2: VeCap is 7 % of captions)."""

    caption_choice: Literal["share", "veclip"] = "share"
    """``share``: by ``vecap_share``. ``veclip``: alt or fused with equal odds (arXiv 2310.07699, section 3.3)."""

    tokenizer: str = "train"
    """``train``: learn one on the text pool. Else a ``tokenizer.json`` of Hugging Face tokenizers."""

    vocabulary: int = 8192
    """Size of a tokenizer that is trained."""

    sequence_length: int = 4096
    """Positions of a row (MM1, section 4)."""

    tokens_per_image: int = 144
    """MM1, section 3.1: 144 visual tokens an image."""

    images_per_row: int = 16
    """MM1, section 4: up to 16 images a sequence."""

    rows_per_shard: int = 256
    on_exhausted: Literal["stop", "repeat"] = "stop"
    """When a pool is too small for its weight: end the mixture there, or repeat it up to ``max_repeats`` times."""

    max_repeats: int = 4

    def __post_init__(self) -> None:
        counts = ("sequence_length", "tokens_per_image", "images_per_row", "rows_per_shard", "max_repeats")
        check(
            *positive(self, *counts),
            (
                self.vocabulary >= 300,
                f"vocabulary: must be at least 300 (256 bytes and the special tokens), got {self.vocabulary}",
            ),
            ratio("vecap_share", self.vecap_share),
            (
                self.tokens_per_image + 2 <= self.sequence_length,
                f"sequence_length: {self.sequence_length} does not hold one image of {self.tokens_per_image} tokens"
                " and the sample's begin and end",
            ),
        )
