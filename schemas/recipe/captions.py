"""How well images and texts go together, and captions by a model."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT, check, positive

TextSource = Literal["alt", "caption", "near"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """Which CLIP model scores images against their texts, and from which score on they stay."""

    __pydantic_config__: ClassVar = STRICT

    model: str | None = "ViT-B-32"
    """A model name of open_clip, or ``local-dir:PATH`` with a model's own folder; null switches scoring off."""

    pretrained: str | None = "laion2b_s34b_b79k"
    """A tag of open_clip or a file; null with ``local-dir:``."""

    min: float = 0.20
    """An image whose best score is lower is left out."""

    texts: tuple[TextSource, ...] = ("alt", "caption", "near")
    batch_size: int = 32
    accelerator: str | None = None
    """GPU type for Dataflow workers of this job, for example ``"nvidia-l4"``."""

    def __post_init__(self) -> None:
        check(
            (-1 <= self.min <= 1, f"min: must be in [-1, 1], got {self.min}"),
            *positive(self, "batch_size"),
            (bool(self.texts), "texts: name at least one of alt, caption, near"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """Which caption samples are made of pages, beside the pairs given as input."""

    __pydantic_config__: ClassVar = STRICT

    from_pages: bool = True
    """Images of pages with a caption or alt text become caption samples too."""

    min_words: int = 3
    """Of the caption or alt text."""

    def __post_init__(self) -> None:
        check(*positive(self, "min_words"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecaptionSettings:
    """Who writes captions (VeCap, arXiv 2310.07699)."""

    __pydantic_config__: ClassVar = STRICT

    captioner: Literal["none", "coca", "mm1", "openai-compatible"] = "none"
    model: str | None = None
    """For ``coca``: a model name of open_clip or ``local-dir:PATH``. For ``mm1``: a checkpoint folder."""

    pretrained: str | None = None
    endpoint: str | None = None
    """Base URL for ``openai-compatible``; the key is read from ``MM1_API_KEY``."""

    fuser: Literal["none", "rule", "openai-compatible"] = "rule"
    """``rule`` joins alt text and caption without a language model."""

    fuser_model: str | None = None
    """Model that the endpoint is asked for by the fuser; null: the captioner's ``model``."""

    batch_size: int = 16
    max_words: int = 60
    """A longer caption is refused by the guard."""

    accelerator: str | None = None

    def __post_init__(self) -> None:
        uses_endpoint = "openai-compatible" in {self.captioner, self.fuser}
        check(
            (
                self.captioner not in {"coca", "mm1"} or bool(self.model),
                f"model: captioner {self.captioner!r} needs a model",
            ),
            (not uses_endpoint or bool(self.endpoint), "endpoint: 'openai-compatible' needs a base URL"),
            *positive(self, "batch_size", "max_words"),
        )
